import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { CamelCasePlugin, CompiledQuery, Kysely, PostgresDialect, SqliteDialect, sql } from 'kysely'
import { fillDatabase } from '../../bench/scale-data.ts'
import { SearchService } from '../../src/admin/search-service.ts'
import { AuditLog } from '../../src/audit/audit-log.ts'
import { ChannelService } from '../../src/channels/channel-service.ts'
import { ColumnValues } from '../../src/database/column-values.ts'
import { type Database, type Engine, openPool, sqliteFile } from '../../src/database/database.ts'
import { openNodeSqlite } from '../../src/database/node-sqlite.ts'
import type { Schema } from '../../src/database/schema.ts'
import { Jobs } from '../../src/jobs/jobs.ts'
import { createLogger } from '../../src/logger.ts'
import { NoticeRepository } from '../../src/notices/notice-repository.ts'
import { ConnectSessionService } from '../../src/onboarding/connect-session-service.ts'
import { FailedPages } from '../../src/onboarding/failed-pages.ts'
import { ReturnRepository } from '../../src/onboarding/return-repository.ts'
import { findSubjects, keepSubjects } from '../../src/search/search-index.ts'
import { emailTerms, idTerm, nameTerms, numberTerms } from '../../src/search/terms.ts'
import { newTrouble } from '../d360/memory-trouble.ts'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'
import { TestClock } from '../test-clock.ts'

const clock = new TestClock()

type Sent = { readonly sql: string; readonly parameters: readonly unknown[] }

/** The database as the site opens it, with each statement that it is sent. */
function openWatched({ engine, url }: OpenedDatabase): { db: Database; sent: Sent[] } {
  const dialect =
    engine === 'sqlite'
      ? new SqliteDialect({ database: openNodeSqlite(sqliteFile(url)) })
      : new PostgresDialect({ pool: () => openPool(url) })
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

function searchIn(db: Database): SearchService {
  const returns = new ReturnRepository({ db })
  const [channels, sessions] = [new ChannelService({ db }), new ConnectSessionService({ db } as never)]
  const failedPages = new FailedPages({ db, clock })
  return new SearchService({
    db,
    failedPages,
    channels,
    sessions,
    returns,
    trouble: newTrouble(clock),
    clock,
  })
}

const found = { ids: ['ch7', 's7'], tenantIds: ['t7', 't8', 't9'], clientIds: ['cl7'] }

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
    what: 'what begins with a term',
    run: (db) => findSubjects({ exact: ['=ch7'], parts: [['shop 7', '<7000']], phrase: 'shop 7' }, db),
    plan: /Index Only Scan using search_term_pkey|SEARCH search_term USING PRIMARY KEY \(term>\? AND term<\?\)/,
  },
  {
    what: 'which rows have another term, too',
    run: (db) => keepSubjects(['shop'], [{ kind: 'tenant', subject: 't7' }], db),
    plan: /search_term_subject/,
  },
  {
    what: 'the numbers of what was found',
    run: (db) => new ChannelService({ db }).listIds(found, 500),
    plan: /channel_tenant.*channel_client/s,
  },
  {
    what: 'the sessions of what was found',
    run: (db) => new ConnectSessionService({ db } as never).listIds(found, 500),
    plan: /connect_session_tenant/,
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

/** What is shown of the hits joins so much that PostgreSQL needs statistics for it. */
const searches = ['shop 777', 'shop', 'shop example', '030 00000777', '0777', 'ch777', '@shop.example'].map(
  (typed): Lookup => ({
    what: `all that is shown of "${typed}"`,
    run: (db) => searchIn(db).find(typed),
    plan: /Index|INDEX|PRIMARY KEY/,
  }),
)

/** But for reviews and questions to owners, of which there are none here, and what an index holds in its order anyway. */
const wholeTable =
  /Seq Scan on (?!review|owner_confirmation)|^SCAN (?!audit|review|notice USING INDEX notice_waiting$|channel_task USING INDEX channel_task_unsettled$|channel USING COVERING INDEX channel_deletion$)/m

/** What the search finds a row by, as the site writes it. */
const termsWritten = {
  tenant: ['t777', idTerm('t777'), ...nameTerms('Shop 777')],
  client: ['cl777', idTerm('cl777'), ...nameTerms('Shop 777'), ...emailTerms('shop777@shop.example')],
  channel: ['ch777', idTerm('ch777'), ...nameTerms('Shop 777'), ...numberTerms('+493000000777')],
  session: ['s777', idTerm('s777'), idTerm('code777'), ...numberTerms('+493000000777')],
} as const

async function expectSameTerms(db: Database): Promise<void> {
  for (const [kind, [subject, ...terms]] of Object.entries(termsWritten)) {
    const filled = db.selectFrom('searchTerm').select('term').where('subject', '=', subject)
    const found = (await filled.execute()).map(({ term }) => term)
    expect([kind, found.toSorted()]).toEqual([kind, terms.toSorted()])
  }
}

eachDatabase('at twenty thousand numbers', (open) => {
  let opened: OpenedDatabase
  beforeAll(async () => {
    opened = await open()
    await fillDatabase(opened.db, opened.engine, 20_000, clock.now())
  }, 60_000)
  afterAll(() => opened.close())

  it('the search finds what the site would have written', () => expectSameTerms(opened.db))

  it.each(['without statistics', 'with statistics'])(
    'what is looked up is found by an index, %s',
    async (when) => {
      const { engine } = opened
      const isAnalyzed = when === 'with statistics'
      if (isAnalyzed) await sql`analyze`.execute(opened.db)
      const { db, sent } = openWatched(opened)

      for (const { what, run, plan } of [...lookups, ...(isAnalyzed ? searches : [])]) {
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
    },
  )
})
