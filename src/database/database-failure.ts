import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { type FileFailure, failureOf } from '../file-failure.ts'

/** Why a database does not work now, and what to do about it. Drivers' own words may hold a password: none is in it. */
export interface DatabaseFailure {
  readonly says: string
  readonly remedy: string
  /** It may be over in a moment: a server that starts, or a network that is not up yet. */
  readonly passes?: true
}

const passes = true

/** PostgreSQL: the first that fits `code syscall message`. Codes have classes of two letters; some failures have none. */
const postgres: readonly (readonly [fits: RegExp, failure: DatabaseFailure])[] = [
  [
    /^(ECONNREFUSED|EHOST|ENETUNREACH|ENETDOWN|(ENOENT|EACCES) connect)/,
    {
      says: 'PostgreSQL does not answer at the address in DATABASE_URL',
      remedy: 'Start it, or correct host and port.',
      passes,
    },
  ],
  [
    /^(ENOTFOUND|EAI_)/,
    {
      says: 'The host name in DATABASE_URL is not known',
      remedy: 'Correct it, or start the service that has this name.',
      passes,
    },
  ],
  [
    /^ETIMEDOUT|^ .*(timeout exceeded when trying to connect|due to connection timeout)/,
    {
      says: 'PostgreSQL does not answer in time',
      remedy: 'Check that it runs at the address in DATABASE_URL, and that no firewall is in between.',
      passes,
    },
  ],
  [
    /^(ECONNRESET|EPIPE|08)|^ .*(Connection terminated|Client has encountered a connection)/,
    {
      says: 'The server in DATABASE_URL ends the connection',
      remedy: 'Check that it is a PostgreSQL, and its log; if it takes TLS only, add ?sslmode=verify-full.',
      passes,
    },
  ],
  [
    /^57P/,
    {
      says: 'PostgreSQL is starting or stopping',
      remedy: 'Start again when it takes connections; its log says what it is waiting for.',
      passes,
    },
  ],
  [
    /^53300/,
    {
      says: 'PostgreSQL has no connection left',
      remedy: 'End what holds them, or raise max_connections: each process of this site takes up to 10.',
      passes,
    },
  ],
  [
    /^53100/,
    { says: 'The disk of PostgreSQL is full', remedy: 'Free some space there, or give it a larger one.' },
  ],
  [/^53/, { says: 'PostgreSQL lacks memory or another resource', remedy: 'Its log says which one.' }],
  [
    /does not support SSL/,
    {
      says: 'PostgreSQL has no TLS, and DATABASE_URL asks for it',
      remedy: 'Switch it on there (ssl = on), or write sslmode=disable if the network is yours alone.',
    },
  ],
  [
    /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO)|an SSL connection/,
    {
      says: 'The TLS certificate of PostgreSQL is not accepted',
      remedy:
        'Name its authority, ?sslmode=verify-full&sslrootcert=PATH, and the host as the certificate names it.',
    },
  ],
  [
    /^28\w+ .*(no encryption|SSL off)/,
    {
      says: 'PostgreSQL takes this user with TLS only',
      remedy: 'Add ?sslmode=verify-full to DATABASE_URL, and &sslrootcert=PATH for an authority of your own.',
    },
  ],
  [
    /^28P01|SASL|password must be a string/,
    {
      says: 'PostgreSQL refuses the user or the password in DATABASE_URL',
      remedy: 'Correct them; in a password, write @ : / ? # % as %40 %3A %2F %3F %23 %25.',
    },
  ],
  [
    /^28/,
    {
      says: 'PostgreSQL does not let in the user in DATABASE_URL',
      remedy: 'Create the user, or allow user, database and this address in its pg_hba.conf.',
    },
  ],
  [
    /^3D000/,
    {
      says: 'The database in DATABASE_URL is not there',
      remedy: 'Create it (CREATE DATABASE name OWNER user), or correct its name.',
    },
  ],
  [
    /^(42501|3F000)/,
    {
      says: 'The user in DATABASE_URL may not create or use the tables in schema public',
      remedy:
        'As its administrator: ALTER DATABASE name OWNER TO user, or GRANT USAGE, CREATE ON SCHEMA public TO user.',
    },
  ],
  [
    /^25006/,
    {
      says: 'PostgreSQL can only be read at the address in DATABASE_URL',
      remedy: 'Give the address of the primary server, not of a replica.',
    },
  ],
  [/^(58|XX)/, { says: 'PostgreSQL reports a fault of its own', remedy: 'Its log says more.' }],
]

type SqliteFailure = readonly [problem: string, remedy: string]
const RESTORE = 'Restore a backup, or move the file away to begin again.'

/** SQLite, by its result codes. */
const sqlite: Readonly<Record<number, SqliteFailure>> = {
  5: ['is locked by another process', 'End what writes to it, such as a backup or a database browser.'],
  8: ['can only be read', 'Allow this user to write it, its folder, and the files beside it.'],
  10: [
    'cannot be read or written: the disk fails',
    'Check the disk and its limits; restore a backup if it is broken.',
  ],
  11: ['is damaged', RESTORE],
  13: ['cannot be written: the disk is full', 'Free some space there, or move the data to another disk.'],
  // No room for its index in memory, which is a file beside it.
  4874: [
    'cannot be written: the disk is full, or a limit is reached',
    'Free some space there, or raise ulimit -f.',
  ],
  14: ['cannot be opened', 'Correct the path in DATABASE_URL.'],
  26: ['is not a SQLite database', `Correct the path in DATABASE_URL. If it was one: ${RESTORE}`],
}

/** Why the database does not work; undefined when that is not what the error says. `url` is its `DATABASE_URL`. */
export function findDatabaseFailure(error: unknown, url = ''): DatabaseFailure | undefined {
  const { code, errcode, syscall, message } = Object(error) as Readonly<Record<string, unknown>>
  if (typeof errcode === 'number') return sqliteFailure(errcode, url.replace(/^sqlite:/, ''))
  const words = `${code ?? ''} ${syscall ?? ''} ${message}`
  return postgres.find(([fits]) => fits.test(words))?.[1]
}

/** The lower byte is the kind of failure, the rest says more of it. */
function sqliteFailure(errcode: number, file: string): DatabaseFailure | undefined {
  const known = sqlite[errcode] ?? sqlite[errcode & 0xff]
  if (!known) return undefined
  const found = [8, 10, 14].includes(errcode & 0xff) ? findForbidden(file) : undefined
  const [says, remedy] = found ?? [`${file} ${known[0]}`, known[1]]
  return { says, remedy }
}

/** The first of the database's files, or its folder, that this user may not write; SQLite does not tell which. */
function findForbidden(file: string): [says: string, remedy: string] | undefined {
  const files = ['', '-wal', '-shm', '-journal', '-serving'].map((end) => file + end).filter(existsSync)
  for (const path of [...files, dirname(file)]) {
    const failure = whyForbidden(path, path === dirname(file))
    if (failure) return [`${path} ${failure.problem}`, failure.remedy]
  }
  return undefined
}

function whyForbidden(path: string, isFolder: boolean): FileFailure | undefined {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return statSync(path).isDirectory() === isFolder ? undefined : failureOf({ code: 'EISDIR' }, path)
  } catch (error) {
    return failureOf(error, path)
  }
}

/** True when it is the database itself that does not work now, and not what was asked of it. */
export function isOutOfOrder(error: unknown): boolean {
  return findDatabaseFailure(error) !== undefined
}
