import { sql } from 'kysely'
import { type Database, type Engine, inTransaction } from '../src/database/database.ts'

const DAY_MS = 24 * 60 * 60_000

/**
 * Puts that many connected numbers into an empty database, as a site has them after some months: each with its
 * customer, session, launch, return, observation, key and audit; one in twenty still waits for its key, with a job
 * that is not due, and at any size fifty have a rejected key. What is sealed or hashed is made up and opens nothing.
 */
export async function fillDatabase(db: Database, engine: Engine, count: number, now: Date): Promise<void> {
  const numbers = `with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})`
  await inTransaction(db, async (trx) => {
    for (const [into, select, where = ''] of inserts(engine, now))
      await sql.raw(`insert into ${into} ${numbers} select ${select} from numbers ${where}`).execute(trx)
  })
}

/** The columns, what they are filled with, and of which numbers. */
function inserts(engine: Engine, now: Date): [into: string, select: string, where?: string][] {
  const at = `'${now.toISOString()}'`
  const future = `'${new Date(now.getTime() + DAY_MS).toISOString()}'`
  const digits = (length: number) =>
    engine === 'sqlite' ? `printf('%0${length}d', n)` : `lpad(n::text, ${length}, '0')`
  const hash = (letter: string) => `'${letter}' || ${digits(63)}`
  const waits = 'n % 20 = 0'
  const isRejected = 'n <= 1000 and n % 20 = 1'
  const keyStatus = `case when ${waits} then 'waiting' when ${isRejected} then 'rejected' else 'stored' end`
  const mintState = `case when ${waits} then 'waiting' else 'stored' end`
  const unlessWaiting = `case when ${waits} then null else ${at} end`
  return [
    ['tenant (id, name, created_at)', `'t' || n, 'Shop ' || n, ${at}`],
    [
      'client (id, name, emails, observed_at)',
      `'cl' || n, 'Shop ' || n, '["shop' || n || '@shop.example"]', ${at}`,
    ],
    [
      `channel (id, client_id, tenant_id, bound_at, phone_number, display_name, status, raw_status, is_running,
        observed_at, permission, permission_source, permission_observed_at, key_status, key_version)`,
      `'ch' || n, 'cl' || n, 't' || n, ${at}, '+4930' || ${digits(8)}, 'Shop ' || n, 'live', 'live', 1,
        ${at}, 'shared', 'mint', ${at}, ${keyStatus}, case when ${waits} then 0 else 1 end`,
    ],
    [
      'observation (id, channel_id, source, says, observed_at)',
      `'obs_0' || ${digits(8)}, 'ch' || n, 'mint', 'shared', ${at}`,
    ],
    [
      `connect_session (id, tenant_id, origin, link_hash, is_email_verified, number, code, return_count,
        created_at, expires_at)`,
      `'s' || n, 't' || n, 'link', ${hash('a')}, 0, '+4930' || ${digits(8)}, 'code' || n, 1, ${at}, ${future}`,
    ],
    ...Object.entries(terms(digits)).flatMap(([kind, [id, ...all]]) =>
      all.map((term): [string, string] => ['search_term (kind, subject, term)', `'${kind}', ${id}, ${term}`]),
    ),
    [
      `launch (id, session_id, nonce_hash, status_hash, browser_hash, client_id, is_continuation, language,
        created_at, expires_at)`,
      `'l' || n, 's' || n, ${hash('b')}, ${hash('c')}, ${hash('d')}, 'cl' || n, 0, 'en', ${at}, ${future}`,
    ],
    [
      `connect_return (id, launch_id, session_id, client_id, raw, digest, state, arrival, received_at, closed_at)`,
      `'ret_0' || ${digits(8)}, 'l' || n, 's' || n, 'cl' || n, 'client=cl' || n, ${hash('e')}, 'bound', 'launch',
        ${at}, ${at}`,
    ],
    [
      'returned_channel (return_id, channel_id, is_revoked, outcome, rule)',
      `'ret_0' || ${digits(8)}, 'ch' || n, 0, 'bound', 'verified_email'`,
    ],
    [
      'mint (id, channel_id, version, reason, asked_by, state, requested_at, since_at, sent_at, closed_at)',
      `'mint_0' || ${digits(8)}, 'ch' || n, 1, 'return', 'ret_0' || ${digits(8)}, ${mintState}, ${at}, ${at},
        ${unlessWaiting}, ${unlessWaiting}`,
    ],
    [
      'api_key (channel_id, version, kid, sealed, fingerprint, address, status, created_at, closed_at)',
      `'ch' || n, 1, 'k', 'sealed', ${digits(16)}, 'https://waba.example', ${keyStatus}, ${at},
        case when ${isRejected} then ${at} end`,
      `where not ${waits}`,
    ],
    [
      'channel_task (channel_id, name, version, state, since_at, done_at)',
      `'ch' || n, 'probe', 1, 'ok', ${at}, ${at}`,
      `where not ${waits}`,
    ],
    [
      `notice (id, event, channel_id, client_id, size, digest, place, signature, body, copies, received_at,
        last_received_at, outcome)`,
      `'not_0' || ${digits(8)}, 'channel_live', 'ch' || n, 'cl' || n, 2, ${hash('f')}, 0, 'valid', '{}', 1,
        ${at}, ${at}, case when ${waits} then null else 'read' end`,
    ],
    [
      'job (id, kind, subject, priority, due_at, attempts, is_wanted_again)',
      `'job_0' || ${digits(8)}, 'mint', 'mint_0' || ${digits(8)}, 1, ${future}, 3, 0`,
      `where ${waits}`,
    ],
    [
      'audit_entry (id, at, actor, action, channel_id, tenant_id, detail)',
      `'aud_0' || ${digits(8)}, ${at}, 'latchkey', 'channel.bound', 'ch' || n, 't' || n, '{}'`,
    ],
  ]
}

/** Of each kind of row its id, and by what the search finds it, as `src/search/terms.ts` writes it. */
function terms(digits: (length: number) => string): Record<string, readonly string[]> {
  const name = [`'shop ' || n`, `'' || n`, `'shop' || n`]
  const number = [
    `'=4930' || ${digits(8)}`,
    `'<' || ${Array.from({ length: 8 }, (_, place) => `(n / 1${'0'.repeat(place)} % 10)`).join(' || ')} || '0394'`,
  ]
  return {
    tenant: [`'t' || n`, `'=t' || n`, ...name],
    client: [`'cl' || n`, `'=cl' || n`, ...name, `'=shop' || n || 'shopexample'`, `'shop example'`],
    channel: [`'ch' || n`, `'=ch' || n`, ...name, ...number],
    session: [`'s' || n`, `'=s' || n`, `'=code' || n`, ...number],
  }
}
