import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { sql } from 'kysely'
import { type Config, loadConfig } from '../../src/config/config.ts'
import { type Database, engineOf, inTransaction, openDatabase } from '../../src/database/database.ts'
import { isOutOfOrder } from '../../src/database/database-failure.ts'
import { migrate } from '../../src/database/migrate.ts'
import { lockForServing } from '../../src/database/serving-lock.ts'
import { waitForDatabase } from '../../src/database/wait-for-database.ts'
import { describeFailure } from '../../src/start-failure.ts'
import { live } from '../config/config-environments.ts'
import { type Behaviour, startFakePostgres } from '../database/fake-postgres.ts'
import { createEmptyDatabase, type EmptyDatabase } from '../databases.ts'
import { freePort } from '../free-port.ts'

const configFor = (DATABASE_URL: string): Config => loadConfig({ ...live, DATABASE_URL })

/** What the terminal shows when a start with this database fails, and what was said while it was waited for. */
async function failureOf(url: string, withinMs = 50) {
  const waiting: string[] = []
  let db: Database | undefined
  try {
    lockForServing(url)()
    db = openDatabase(url)
    await waitForDatabase(db, { withinMs, pauseMs: 20, onWaiting: (says) => waiting.push(says) })
    await migrate(db, engineOf(url))
  } catch (error) {
    return { shown: describeFailure(error, configFor(url)) ?? '', waiting, isOutOfOrder: isOutOfOrder(error) }
  } finally {
    await db?.destroy()
  }
  throw new Error('it started')
}

/** One sentence and one remedy, without a stack or a password. */
function expectWords(shown: string, says: string, remedy: string) {
  expect(shown).toMatch(/^[^\n]+\. [^\n]+\.$/)
  expect(shown).not.toMatch(/canary|\bat .*\.ts|node_modules/)
  expect(shown).toContain(says)
  expect(shown).toContain(remedy)
}

describe('a PostgreSQL that does not let the site start', () => {
  it.each<[Behaviour, string, string]>([
    ['reset', 'The server in DATABASE_URL ends the connection (ECONNRESET)', 'its log; if it takes TLS only'],
    ['close', 'The server in DATABASE_URL ends the connection', 'Check that it is a PostgreSQL'],
    ['web', 'The server in DATABASE_URL ends the connection', 'Check that it is a PostgreSQL'],
    [
      { code: '57P03', message: 'the database system is starting up' },
      'is starting or stopping (57P03)',
      'its log',
    ],
    [{ code: '57P01', message: 'terminating connection' }, 'is starting or stopping (57P01)', 'its log'],
    [{ code: '53300', message: 'too many clients' }, 'has no connection left (53300)', 'max_connections'],
    [{ code: '08004', message: 'rejected' }, 'ends the connection (08004)', 'its log'],
  ])('is waited for with a line, then named: %j', async (behaviour, says, remedy) => {
    const server = await startFakePostgres(behaviour)
    const { shown, waiting, isOutOfOrder } = await failureOf(server.url)
    await server.stop()
    expectWords(shown, says, remedy)
    expect({ waiting, isOutOfOrder }).toEqual({
      waiting: [shown.replace(/ ?[(.].*/s, '')],
      isOutOfOrder: true,
    })
  })

  it.each<[Behaviour, string, string]>([
    [{ code: '28P01', message: 'canary' }, 'refuses the user or the password in DATABASE_URL (28P01)', '%40'],
    [
      { code: '28000', message: 'no pg_hba.conf entry for host "canary", no encryption' },
      'takes this user with TLS only (28000)',
      'sslmode=verify-full',
    ],
    [
      { code: '28000', message: 'no pg_hba.conf entry for "canary"' },
      'does not let in the user',
      'pg_hba.conf',
    ],
    [{ code: '3D000', message: 'database "x" does not exist' }, 'is not there (3D000)', 'CREATE DATABASE'],
    [{ code: '42501', message: 'permission denied' }, 'may not create or use the tables', 'GRANT'],
    [
      { code: '53100', message: 'No space left' },
      'The disk of PostgreSQL is full (53100)',
      'Free some space',
    ],
    [{ code: '58030', message: 'io' }, 'reports a fault of its own (58030)', 'Its log'],
    [{ code: 'XX000', message: 'Tenant or user not found' }, 'reports a fault of its own (XX000)', 'Its log'],
    [{ code: '0A000', message: 'canary' }, 'refuses what the site needs (0A000)', 'its version'],
  ])('is named at once when waiting is of no use: %j', async (behaviour, says, remedy) => {
    const server = await startFakePostgres(behaviour)
    const { shown, waiting } = await failureOf(server.url, 5_000)
    await server.stop()
    expectWords(shown, says, remedy)
    expect(waiting).toEqual([])
  })

  it('is waited for when nothing listens, or its name is not known', async () => {
    const nobody = await failureOf(`postgres://u:canary@127.0.0.1:${await freePort()}/x`)
    expectWords(
      nobody.shown,
      'PostgreSQL does not answer at the address in DATABASE_URL (ECONNREFUSED)',
      'Start it',
    )
    const socket = await failureOf('postgres://u:canary@/x?host=/nowhere')
    expectWords(socket.shown, 'does not answer at the address in DATABASE_URL (ENOENT)', 'Start it')
    expect([nobody, socket].map(({ waiting }) => waiting.length)).toEqual([1, 1])
    const unknown = Object.assign(new Error('canary'), {
      code: 'ENOTFOUND',
      syscall: 'getaddrinfo',
      hostname: 'db',
    })
    expectWords(
      describeFailure(unknown, configFor('postgres://db/x')) ?? '',
      'host name in DATABASE_URL',
      'Correct it',
    )
  })

  it('is named after a try when it never answers', async () => {
    const server = await startFakePostgres('silent')
    const { shown, waiting } = await failureOf(server.url, 9_000)
    await server.stop()
    expectWords(shown, 'PostgreSQL does not answer in time', 'firewall')
    expect(waiting).toEqual(['The database does not answer yet'])
  })

  it('does not hold the start up when it comes in the meantime', async () => {
    const empty = await createEmptyDatabase('postgres')
    const server = await startFakePostgres({ code: '57P03', message: 'starting up' })
    const url = Object.assign(new URL(empty.url), { port: server.port }).href
    const db = openDatabase(url)
    const waiting: string[] = []
    setTimeout(() => server.become(new URL(empty.url)), 100)
    await waitForDatabase(db, { pauseMs: 20, onWaiting: (says) => waiting.push(says) })
    expect(await migrate(db, 'postgres')).not.toEqual([])
    await db.destroy()
    await server.stop()
    await empty.drop()
    expect(waiting).toEqual(['PostgreSQL is starting or stopping'])
  })
})

describe('a real PostgreSQL', () => {
  let empty: EmptyDatabase
  let admin: Database
  const user = `u_${randomBytes(6).toString('hex')}`
  beforeAll(async () => {
    empty = await createEmptyDatabase('postgres')
    admin = openDatabase(empty.url)
    await sql.raw(`create role ${user} login password 'canary-pw'`).execute(admin)
  })
  afterAll(async () => {
    await admin.destroy()
    await empty.drop()
    const server = openDatabase(`${process.env.TEST_POSTGRES_URL}/postgres`)
    await sql.raw(`drop role ${user}`).execute(server)
    await server.destroy()
  })

  const as = (username: string, more: Partial<URL> = {}) =>
    Object.assign(new URL(empty.url), { username, password: 'canary-pw', ...more }).href

  it.each<[string, () => string, string[], string, string]>([
    [
      'no right in schema public',
      () => as(user),
      [],
      'may not create or use the tables in schema public (42501)',
      'GRANT',
    ],
    [
      'tables of another user',
      () => as(user),
      ['create table migration (name text)', `grant all on schema public to ${user}`],
      'may not create or use the tables in schema public (42501)',
      'OWNER TO',
    ],
    [
      'no schema at all',
      () => as(user),
      [`alter role ${user} set search_path = nowhere`],
      'may not create or use the tables in schema public (3F000)',
      'GRANT',
    ],
    [
      'a replica, which only reads',
      () => as(user),
      [`alter role ${user} set default_transaction_read_only = on`],
      'can only be read at the address in DATABASE_URL (25006)',
      'primary',
    ],
    [
      'no connection left',
      () => as(user),
      [`alter role ${user} connection limit 0`],
      'has no connection left (53300)',
      'max_connections',
    ],
    [
      'a wrong password',
      () => as(user, { password: 'canary-2' }),
      [],
      'refuses the user or the password',
      '%40',
    ],
    ['no password', () => as(user, { password: '' }), [], 'refuses the user or the password', '%40'],
    ['an unknown user', () => as('canary'), [], 'refuses the user or the password', '%40'],
    [
      'an unknown database',
      () => as(user, { pathname: '/canary' }),
      [],
      'is not there (3D000)',
      'CREATE DATABASE',
    ],
    ['no TLS', () => as(user, { search: '?sslmode=verify-full' }), [], 'has no TLS', 'sslmode=disable'],
    [
      'no file of the authority',
      () => as(user, { search: '?sslmode=verify-full&sslrootcert=/nowhere/ca.pem' }),
      [],
      '/nowhere/ca.pem is not there (ENOENT)',
      'correct the path',
    ],
  ])('is named with its remedy: %s', async (_, url, statements, says, remedy) => {
    for (const statement of statements) await sql.raw(statement).execute(admin)
    const { shown } = await failureOf(url())
    await sql.raw('drop table if exists migration').execute(admin)
    await sql.raw(`revoke all on schema public from ${user}`).execute(admin)
    await sql.raw(`alter role ${user} connection limit -1`).execute(admin)
    await sql.raw(`alter role ${user} reset all`).execute(admin)
    expectWords(shown, says, remedy)
  })
})

describe('a certificate that is not accepted', () => {
  it.each([
    ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ...['CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_SSL_WRONG_VERSION_NUMBER', 'EPROTO'],
  ])('is named: %s', (code) => {
    const error = Object.assign(new Error('canary'), { code })
    const shown = describeFailure(error, configFor('postgres://db/x')) ?? ''
    expectWords(shown, `The TLS certificate of PostgreSQL is not accepted (${code})`, 'sslrootcert=PATH')
  })
})

describe('a file that does not let the site start', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-failure-'))
  })
  afterEach(() => {
    jest.restoreAllMocks()
    rmSync(folder, { recursive: true })
  })
  const damaged = Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(4096, 7)])

  it.each<[string, (path: string) => void, string, string]>([
    [
      'is none',
      (path) => writeFileSync(path, 'x'.repeat(5000)),
      'l.db is not a SQLite database (SQLite 26)',
      'Correct',
    ],
    [
      'is damaged',
      (path) => writeFileSync(path, damaged),
      'l.db is not a SQLite database (SQLite 26)',
      'Restore',
    ],
    [
      'is a folder',
      (path) => mkdirSync(path),
      'l.db is a folder, not a file (SQLite 14)',
      'Give the path of a file',
    ],
    ['has a folder for its log', (path) => mkdirSync(`${path}-wal`), 'l.db-wal is a folder', 'Give the path'],
    [
      'has a folder for its lock',
      (path) => mkdirSync(`${path}-serving`),
      'l.db-serving is a folder',
      'Give the path',
    ],
    [
      'is a link to nowhere',
      (path) => symlinkSync('/nowhere/l.db', path),
      'l.db cannot be opened',
      'Correct the path',
    ],
  ])('is named when the database %s', async (_, spoil, says, remedy) => {
    const path = join(folder, 'l.db')
    spoil(path)
    expectWords((await failureOf(`sqlite:${path}`)).shown, says, remedy)
  })

  it.each([
    [
      'in the place of the folder',
      'file/l.db',
      'file is in the place of a folder (EEXIST)',
      'Move that file away',
    ],
    [
      'on the way to it',
      'file/below/l.db',
      'has a path that leads through a file (ENOTDIR)',
      'Give the path',
    ],
    [
      'whose name is too long',
      `${'n'.repeat(300)}/l.db`,
      'has a path that is too long (ENAMETOOLONG)',
      'shorter',
    ],
  ])('is named when it is %s', async (_, path, says, remedy) => {
    writeFileSync(join(folder, 'file'), '')
    expectWords((await failureOf(`sqlite:${join(folder, path)}`)).shown, says, remedy)
  })

  it.each([
    ['EACCES', 'may not be read or written: it belongs to user 0, and this is user 1000', 'chown -R 1000'],
    ['EPERM', 'may not be read or written: it belongs to user 0, and this is user 1000', 'chown -R 1000'],
    ['EROFS', 'is on a disk that can only be read', 'Mount it for writing'],
    ['ENOSPC', 'cannot be written: the disk is full', 'Free some space'],
    ['EDQUOT', 'cannot be written: the quota of this user is used up', 'Free some space'],
    ['EFBIG', 'is as large as a file may become here', 'ulimit -f'],
    ['EMFILE', 'cannot be opened: this process has too many files open', 'ulimit -n'],
    ['EIO', 'cannot be read or written: the disk fails', 'Check the disk'],
    ['EBUSY', 'is in use', 'End what uses it'],
    ['ESTALE', 'is on a network disk that has gone', 'Mount it again'],
    ['ENOTSUP', 'cannot be used', 'Check the file'],
  ])('is named when the system answers %s', (code, says, remedy) => {
    jest.spyOn(process, 'getuid').mockReturnValue(1000)
    const error = Object.assign(new Error('canary'), { code, syscall: 'open', path: '/' })
    expectWords(describeFailure(error, configFor('sqlite:x/l.db')) ?? '', `/ ${says} (${code}).`, remedy)
  })

  it.each([
    [5, 'is locked by another process', 'End what writes to it'],
    [8, 'can only be read', 'Allow this user'],
    [1032, 'can only be read', 'Allow this user'],
    [10, 'cannot be read or written: the disk fails', 'Check the disk'],
    [778, 'cannot be read or written: the disk fails', 'Check the disk'],
    [11, 'is damaged', 'Restore a backup'],
    [13, 'cannot be written: the disk is full', 'Free some space'],
    [4874, 'cannot be written: the disk is full, or a limit is reached', 'ulimit -f'],
    [14, 'cannot be opened', 'Correct the path'],
    [26, 'is not a SQLite database', 'Restore a backup'],
  ])('is named when SQLite answers %i', (errcode, says, remedy) => {
    const path = join(folder, 'l.db')
    const error = Object.assign(new Error('canary'), { code: 'ERR_SQLITE_ERROR', errcode })
    expectWords(
      describeFailure(error, configFor(`sqlite:${path}`)) ?? '',
      `${path} ${says} (SQLite ${errcode}).`,
      remedy,
    )
  })
})

describe('a disk that gets full inside of a transaction', () => {
  it('is what is told, and not that nothing is left to roll back', async () => {
    const empty = await createEmptyDatabase('sqlite')
    const db = openDatabase(empty.url)
    await sql`create table fruit (name text)`.execute(db)
    await sql`pragma max_page_count = 20`.execute(db)
    const fill = () =>
      inTransaction(db, (trx) => sql`insert into fruit values (${'x'.repeat(1e6)})`.execute(trx))
    const error = await fill().catch((reason) => reason)
    expect({ errcode: error.errcode, isOutOfOrder: isOutOfOrder(error) }).toEqual({
      errcode: 13,
      isOutOfOrder: true,
    })
    await inTransaction(db, (trx) => sql`insert into fruit values ('apple')`.execute(trx))
    await db.destroy()
    await empty.drop()
  })
})

describe('an address to listen at', () => {
  it.each([
    [{ code: 'EADDRINUSE', syscall: 'listen', port: 80 }, 'Port 80 is in use.', 'set PORT'],
    [{ code: 'EACCES', syscall: 'listen', port: 80 }, 'Port 80 is not for this user (EACCES).', 'Set PORT'],
    [
      { code: 'EADDRNOTAVAIL', syscall: 'listen', port: 80 },
      'The address in HOST cannot be used',
      'Set HOST',
    ],
    [{ code: 'EAFNOSUPPORT', syscall: 'listen', port: 80 }, 'The address in HOST cannot be used', 'Set HOST'],
    [
      { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: '127.0.0.1' },
      'The host name in HOST',
      'Set HOST',
    ],
  ])('is named: %j', (members, says, remedy) => {
    const error = Object.assign(new Error('canary'), members)
    expectWords(describeFailure(error, configFor('sqlite:x/l.db')) ?? '', says, remedy)
  })

  it('leaves a bug to its stack', () => {
    for (const error of [
      new TypeError('x'),
      new Error('x'),
      Object.assign(new Error(), { code: 'ERR_X' }),
      'x',
    ])
      expect(describeFailure(error, configFor('postgres://db/x'))).toBeUndefined()
  })
})
