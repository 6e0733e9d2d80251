import { expect, it } from '@jest/globals'
import { afterCommit, type Database, inTransaction } from '../../src/database/database.ts'
import { groupCommit } from '../../src/database/group-commit.ts'
import { newId } from '../../src/identifiers.ts'
import { eachDatabase } from '../databases.ts'

const row = (id: string) => ({ id, name: id, createdAt: new Date(0) })
const insert = (db: Database, id: string) =>
  groupCommit(db, async (trx) => {
    await trx.insertInto('tenant').values(row(id)).execute()
    return id
  })
const stored = async (db: Database) => {
  const rows = await db.selectFrom('tenant').select('id').orderBy('id').execute()
  return rows.map(({ id }) => id)
}

eachDatabase('writes that arrive together', (open) => {
  it('are all stored when they are answered, whenever they come', async () => {
    const { db } = await open()
    const ids = Array.from({ length: 200 }, () => newId('ten', new Date())).toSorted()
    const answers = await Promise.all(
      ids.map(async (id, nth) => {
        for (let turn = 0; turn < nth % 7; turn += 1) await new Promise((resolve) => setImmediate(resolve))
        return insert(db, id)
      }),
    )
    expect(answers).toEqual(ids)
    expect(await stored(db)).toEqual(ids)
  })

  it('fail alone', async () => {
    const { db } = await open()
    await insert(db, 'a')
    const outcomes = await Promise.allSettled(['b', 'a', 'c'].map((id) => insert(db, id)))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await stored(db)).toEqual(['a', 'b', 'c'])
  })

  it('of several statements fail as a whole, with what was to be done after them', async () => {
    const { db } = await open()
    const done: string[] = []
    const insertBoth = (first: string, second: string) =>
      groupCommit(db, async (trx) => {
        await insert(trx, first)
        afterCommit(trx, () => done.push(first))
        await insert(trx, second)
      })
    const outcomes = await Promise.allSettled([
      insertBoth('a', 'b'),
      insertBoth('c', 'c'),
      insertBoth('d', 'e'),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await stored(db)).toEqual(['a', 'b', 'd', 'e'])
    expect(done.toSorted()).toEqual(['a', 'd'])
  })

  it('belong to the transaction in which they run, and are undone with it', async () => {
    const { db } = await open()
    const failed = inTransaction(db, async (trx) => {
      await insert(trx, 'a')
      throw new Error('undone')
    })
    await expect(failed).rejects.toThrow('undone')
    expect(await stored(db)).toEqual([])
  })

  it('all fail when the database is gone, and the next ones are tried anew', async () => {
    const { db } = await open()
    await db.schema.alterTable('tenant').renameTo('elsewhere').execute()
    const outcomes = await Promise.allSettled(['a', 'b'].map((id) => insert(db, id)))
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await db.schema.alterTable('elsewhere').renameTo('tenant').execute()
    await insert(db, 'c')
    expect(await stored(db)).toEqual(['c'])
  })
})
