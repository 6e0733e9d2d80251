import { expect, it } from '@jest/globals'
import { afterCommit, type Database, inTransaction } from '../../src/database/database.ts'
import { eachDatabase } from '../databases.ts'

const write = (db: Database, id: string, name: string) =>
  db
    .insertInto('tenant')
    .values({ id, name, createdAt: new Date(0) })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ name }))
    .execute()

eachDatabase('two transactions that need each other’s rows', (open) => {
  it('are both carried out, once each', async () => {
    const { db, engine, close } = await open()
    for (const id of ['a', 'b']) await write(db, id, 'nobody')
    const told: string[] = []
    let waiting = 0
    let bothAreIn = () => {}
    const meeting = new Promise<void>((resolve) => {
      bothAreIn = resolve
    })
    const change = (name: string, first: string, second: string) =>
      inTransaction(db, async (trx) => {
        await write(trx, first, name)
        waiting += 1
        if (waiting === 2) bothAreIn()
        // On SQLite the second one cannot begin before the first has ended.
        if (engine === 'postgres') await meeting
        await write(trx, second, name)
        afterCommit(trx, () => told.push(name))
      })
    await Promise.all([change('one', 'a', 'b'), change('two', 'b', 'a')])
    expect(told.toSorted()).toEqual(['one', 'two'])
    const rows = await db.selectFrom('tenant').select('name').execute()
    expect(new Set(rows.map(({ name }) => name)).size).toBe(1)
    await close()
  })
})
