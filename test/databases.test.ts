import { expect, it } from '@jest/globals'
import { CompiledQuery } from 'kysely'
import { eachDatabase, explain } from './databases.ts'

eachDatabase('explain', (open) => {
  it('tells the index that a query would use, and that one has none', async () => {
    const { db, engine } = await open()
    await db.executeQuery(CompiledQuery.raw('create table fruit (id text primary key, colour text)'))
    const planOf = (column: string) =>
      explain(db, CompiledQuery.raw(`select colour from fruit where ${column} = 'x'`))
    const [indexed, whole] = [await planOf('id'), await planOf('colour')]
    expect(indexed).toMatch(engine === 'sqlite' ? /^SEARCH fruit USING .*INDEX/ : /^Index.* Scan .*on fruit/)
    expect(whole).toMatch(engine === 'sqlite' ? /^SCAN fruit/ : /^Seq Scan on fruit/)
  })
})
