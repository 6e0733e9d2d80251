import { expect, it } from '@jest/globals'
import { CamelCasePlugin, CompiledQuery, Kysely, PostgresDialect, SqliteDialect, sql } from 'kysely'
import pg from 'pg'
import { fillDatabase } from '../../bench/scale-data.ts'
import { AuditLog } from '../../src/audit/audit-log.ts'
import { ChannelService } from '../../src/channels/channel-service.ts'
import { ColumnValues } from '../../src/database/column-values.ts'
import { type Database, type Engine, sqliteFile } from '../../src/database/database.ts'
import { openNodeSqlite } from '../../src/database/node-sqlite.ts'
import type { Schema } from '../../src/database/schema.ts'
import { Jobs } from '../../src/jobs/jobs.ts'
import { createLogger } from '../../src/logger.ts'
import { NoticeRepository } from '../../src/notices/notice-repository.ts'
import { ReturnRepository } from '../../src/onboarding/return-repository.ts'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'
import { TestClock } from '../test-clock.ts'

const clock = new TestClock()

type Sent = { readonly sql: string; readonly parameters: readonly unknown[] }

/** The database as the site opens it, with each statement that it is sent. */
function openWatched({ engine, url }: OpenedDatabase): { db: Database; sent: Sent[] } {
  const dialect =
    engine === 'sqlite'
      ? new SqliteDialect({ database: openNodeSqlite(sqliteFile(url)) })
      : new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 1 }) })
  const sent: Sent[] = []
  const plugins = [new CamelCasePlugin(), new ColumnValues()]
  const db = new Kysely<Schema>({ dialect, plugins, log: ({ query }) => void sent.push(query) })
  return { db, sent }
}

/** How the engine goes about a statement, one step a line. */
async function planOf(db: Database, engine: Engine, { sql: text, parameters }: Sent): Promise<string[]> {
  const explain = engine === 'sqlite' ? 'explain query plan' : 'explain (costs off)'
  const { rows } = await db
    .withoutPlugins()
    .executeQuery<Record<string, string>>(CompiledQuery.raw(`${explain} ${text}`, [...parameters]))
  return rows.map((row) => (row.detail ?? row['QUERY PLAN'] ?? '').trim())
}

interface Lookup {
  readonly what: string
  readonly run: (db: Database) => Promise<unknown>
  /** What its plan says of the indexes. */
  readonly plan: RegExp
}

const lookups: readonly Lookup[] = [
  {
    what: 'the next job',
    run: (db) => new Jobs({ db, clock }).leaseNext('mint'),
    plan: /^(SEARCH job USING (COVERING )?INDEX job_due \(kind=\? AND priority=\? AND due_at<\?\)|Limit\n-> +Index (Only )?Scan using job_due on job\nIndex Cond: .*)$/,
  },
  {
    what: 'a launch by its nonce',
    run: (db) => db.selectFrom('launch').selectAll().where('nonceHash', '=', 'a'.padEnd(64, '0')).execute(),
    plan: /launch_nonce/,
  },
  {
    what: 'what came back and is not answered',
    run: (db) => new ReturnRepository({ db }).listUnanswered(clock.now(), 11),
    plan: /connect_return_received/,
  },
  {
    what: "a session's returns",
    run: (db) =>
      db.selectFrom('connectReturn').selectAll().where('sessionId', '=', 's7').orderBy('id').execute(),
    plan: /connect_return_session/,
  },
  {
    what: 'a channel by its number',
    run: (db) => new ChannelService({ db }).locate({ id: undefined, phoneNumber: '+493000000007' }, db),
    plan: /channel_phone_number/,
  },
  {
    what: "a channel's notices that wait",
    run: (db) => new NoticeRepository({ db }).listWaiting({ channelId: 'ch7' }),
    plan: /notice_waiting_channel/,
  },
  {
    what: 'all notices that wait for a channel',
    run: (db) => new NoticeRepository({ db }).listWaiting({}),
    plan: /notice_waiting\b/,
  },
  {
    what: "a channel's newest notices",
    run: (db) => new NoticeRepository({ db }).listOfChannel('ch7', 20),
    plan: /notice_channel/,
  },
  {
    what: "a channel's observations",
    run: (db) => new ChannelService({ db }).listObservations('ch7'),
    plan: /observation_channel/,
  },
  {
    what: "a channel's open mint",
    run: (db) =>
      db
        .selectFrom('mint')
        .selectAll()
        .where('channelId', '=', 'ch7')
        .where('closedAt', 'is', null)
        .execute(),
    plan: /mint_(one_open|channel)\b/,
  },
  {
    what: 'the numbers of a customer that have a key',
    run: (db) => new ChannelService({ db }).list({ tenantId: 't7', keyStatus: 'stored', limit: 51 }),
    plan: /channel_tenant/,
  },
  {
    what: 'the numbers of a customer that are shared',
    run: (db) => new ChannelService({ db }).list({ tenantId: 't7', permission: 'shared', limit: 51 }),
    plan: /channel_tenant/,
  },
  {
    what: 'one number with all that is known of it',
    run: (db) => new ChannelService({ db }).find('ch7'),
    plan: /channel_pkey|sqlite_autoindex_channel_1/,
  },
  {
    what: 'whom an admin may be needed for',
    run: (db) => new ChannelService({ db }).listCandidates(clock.now(), 100),
    plan: /^(?=.*channel_key_status)(?=.*mint_open_state)(?=.*mint_open_problem)(?=.*channel_task_unsettled)(?=.*channel_deletion)/s,
  },
  {
    what: "a channel's audit",
    run: (db) =>
      new AuditLog({ db, clock, logger: createLogger('silent') }).list({ channelId: 'ch7', limit: 50 }),
    plan: /audit_entry_channel/,
  },
  {
    what: 'the newest of the audit',
    run: (db) => new AuditLog({ db, clock, logger: createLogger('silent') }).list({ limit: 50 }),
    plan: /audit_entry/,
  },
]

/** But for reviews and questions to owners, of which there are none here, and what an index holds in its order anyway. */
const wholeTable =
  /Seq Scan on (?!review|owner_confirmation)|^SCAN (?!audit|review|notice USING INDEX notice_waiting$|channel_task USING INDEX channel_task_unsettled$|channel USING COVERING INDEX channel_deletion$)/m

eachDatabase('at twenty thousand numbers', (open) => {
  it.each(['without statistics', 'with statistics'])(
    'what is looked up is found by an index, %s',
    async (when) => {
      const opened = await open()
      const { engine } = opened
      await fillDatabase(opened.db, engine, 20_000, clock.now())
      if (when === 'with statistics') await sql`analyze`.execute(opened.db)
      const { db, sent } = openWatched(opened)

      for (const { what, run, plan } of lookups) {
        sent.length = 0
        await run(db)
        for (const statement of [...sent]) {
          const found = (await planOf(db, engine, statement)).join('\n')
          expect({ what, found }).toEqual({ what, found: expect.stringMatching(plan) })
          expect({ what, found }).toEqual({
            what,
            found: expect.not.stringMatching(wholeTable),
          })
        }
      }
      await db.destroy()
      await opened.close()
    },
  )
})
