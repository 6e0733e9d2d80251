import { expect, it } from '@jest/globals'
import { eachDatabase, explain } from './databases.ts'

eachDatabase('explain', (open) => {
  it('tells the index that a query would use, and that one has none', async () => {
    const { db, engine } = await open()
    const tenants = db.selectFrom('tenant').select('created_at')
    const indexed = await explain(db, tenants.where('hub_id', '=', 'h').where('id', '=', 't').compile())
    expect(indexed).toMatch(
      engine === 'sqlite' ? /^SEARCH tenant USING .*INDEX/ : /^Index.* Scan .*on tenant/,
    )
    const whole = await explain(db, tenants.where('created_at', '=', 'x').compile())
    expect(whole).toMatch(engine === 'sqlite' ? /^SCAN tenant/ : /^Seq Scan on tenant/)
  })
})
