import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { runCommandLine } from '../../src/commands/command-line.ts'
import { noteDemoAddress } from '../../src/config/demo-address.ts'
import { openDatabase } from '../../src/database/database.ts'
import { bindToHub } from '../../src/database/installation.ts'
import { migrate } from '../../src/database/migrate.ts'
import { live } from '../config/config-environments.ts'
import { createEmptyDatabase, type EmptyDatabase } from '../databases.ts'

/** The folder of the data, and a live database that tests copy into it. */
let folder: string
let liveDatabase: EmptyDatabase
beforeAll(async () => {
  liveDatabase = await createEmptyDatabase('sqlite')
  const db = openDatabase(liveDatabase.url)
  await migrate(db, 'sqlite')
  await bindToHub(db, 'NordlichtPA')
  await db.destroy()
})
afterAll(() => liveDatabase.drop())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-demo-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

async function latchkey(words: string, more: Record<string, string> = {}) {
  const written = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    jest.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      written[stream] += String(chunk)
      return true
    }),
  )
  const code = await runCommandLine(words.split(' '), {
    DATABASE_URL: `sqlite:${folder}/latchkey.db`,
    ...more,
  })
  for (const spy of spies) spy.mockRestore()
  return { code, ...written }
}

function putLiveDatabase(name: string): void {
  const from = liveDatabase.url.slice('sqlite:'.length)
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  cpSync(from, join(folder, name))
}

describe('a command that would open the demo', () => {
  it.each<[string, string, Record<string, string>, string]>([
    ['in production', '', { NODE_ENV: 'production' }, 'NODE_ENV is production'],
    ['in production with quotes', '', { NODE_ENV: '"production"' }, 'NODE_ENV is production'],
    ['in production with capitals', '', { NODE_ENV: ' Production' }, 'NODE_ENV is production'],
    ['on a live database', 'latchkey.db', {}, 'latchkey.db is the database of a live site'],
    ['beside one', 'nordlicht.db', {}, 'nordlicht.db is the database of a live site'],
    ['beside one without an ending', 'data', {}, 'data is the database of a live site'],
    ['beside one with empty settings', 'latchkey.db', { D360_PARTNER_ID: '""' }, 'database of a live site'],
    ['beside one with another port', 'latchkey.db', { PORT: '4000' }, 'database of a live site'],
    ['beside one, in production', 'l.sqlite', { NODE_ENV: 'production' }, 'production, and '],
  ])('asks for --demo and changes nothing: %s', async (_, file, more, reason) => {
    if (file) putLiveDatabase(file)
    for (const words of ['token list', 'migrate', 'link create --tenant t --name N']) {
      const { code, stdout, stderr } = await latchkey(words, more)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(/1 problem to fix:\n\n--demo is missing: .* add --demo\.\n$/s)
      expect(stderr).toContain(reason)
    }
    expect(readdirSync(folder)).toEqual(file ? [file] : [])
  })

  it('sees a live database that is open, with what is not yet in its file', async () => {
    const db = openDatabase(`sqlite:${folder}/own.db`)
    await migrate(db, 'sqlite')
    await bindToHub(db, 'NordlichtPA')
    expect((await latchkey('token list')).stderr).toContain('own.db is the database of a live site')
    expect(readdirSync(folder).sort()).toEqual(['own.db', 'own.db-shm', 'own.db-wal'])
    await db.destroy()
  })

  it.each<[string, () => void, Record<string, string>]>([
    ['in production', () => {}, { NODE_ENV: 'production' }],
    ['beside a live database', () => putLiveDatabase('nordlicht.db'), {}],
  ])('does so when it is told to: %s', async (_, prepare, more) => {
    prepare()
    for (const words of ['token list --demo', '--demo token list', 'token --demo list']) {
      const { code, stderr } = await latchkey(words, more)
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringMatching(/^No D360_ .* new demo in .*\n$/),
      })
    }
  })

  it('says "demo" on standard error, whichever it is', async () => {
    const first = await latchkey('migrate')
    expect(first).toMatchObject({ code: 0, stderr: expect.stringMatching(/this is a new demo in/) })
    noteDemoAddress(folder, { port: 3000, publicUrl: new URL('http://localhost:3000') })
    for (const words of ['migrate', 'token list', 'link create --tenant t --name N', 'admin list'])
      expect((await latchkey(words)).stderr).toContain(
        `This is the demo in ${folder}: 360dialog is simulated.\n`,
      )
  })

  it.each([
    ['a demo of its own', async () => void (await latchkey('migrate'))],
    ['files of others', async () => writeFileSync(join(folder, 'notes.txt'), 'SQLite format 3\0')],
    ['a live database in a folder of its own', async () => putLiveDatabase('live/latchkey.db')],
  ])('does not ask beside %s', async (_, prepare) => {
    await prepare()
    expect((await latchkey('token list')).code).toBe(0)
  })

  it('never opens the database of another, nor a live site when the demo was meant', async () => {
    putLiveDatabase('latchkey.db')
    expect(await latchkey('migrate --demo')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('This database belongs to partner hub NordlichtPA, and'),
    })
    const meant = await latchkey('migrate --demo', live as Record<string, string>)
    expect(meant).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Nothing was done: --demo is given/),
    })
  })
})
