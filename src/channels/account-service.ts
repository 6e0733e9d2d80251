import { sql } from 'kysely'
import type { Partner } from '../d360/partner.ts'
import { compiledQuery } from '../database/compiled-query.ts'
import type { Database } from '../database/database.ts'
import type { Row } from '../database/schema.ts'
import { spellingsOf } from '../phone-number.ts'

export type PartnerHub = Row<'partnerHub'>

/** A client that has numbers of a tenant: how many it has at 360dialog, and how many it may have. */
export interface Account {
  readonly used: number
  /** Undefined: 360dialog did not say. */
  readonly limit: number | undefined
  /** The number that was asked about is among them. */
  readonly hasNumber: boolean
}

/** What 360dialog lets the hub's clients do, as it said last. */
export class AccountService {
  readonly #db: Database

  constructor({ db }: { db: Database }) {
    this.#db = db
  }

  /** A flag that 360dialog does not tell is not known to stop anybody. */
  async describeHub(
    { isBlocked = false, allowsNewNumbers = true }: Pick<Partner, 'isBlocked' | 'allowsNewNumbers'>,
    now: Date,
    db = this.#db,
  ): Promise<void> {
    const hub = { isBlocked, isAddingRefused: !allowsNewNumbers, observedAt: now }
    await db
      .insertInto('partnerHub')
      .values({ id: 1, ...hub })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(hub))
      .execute()
  }

  /** Undefined before the hub was read for the first time. */
  async findHub(): Promise<PartnerHub | undefined> {
    return (await findHub(this.#db, {}))[0]
  }

  /** The clients whose numbers a tenant has. */
  async listOfTenant(tenantId: string, phoneNumber = ''): Promise<Account[]> {
    const [number, spelling = number] = spellingsOf(phoneNumber)
    const rows = await listAccounts(this.#db, { tenantId, number, spelling })
    return rows.map(({ used, limit, same }) => ({
      used: Number(used),
      limit: limit ?? undefined,
      hasNumber: Number(same) > 0,
    }))
  }
}

const findHub = compiledQuery<Record<string, never>, PartnerHub>((db) =>
  db.selectFrom('partnerHub').selectAll(),
)

interface AccountRow {
  /** A count is text on PostgreSQL. */
  readonly used: number | string
  readonly limit: number | undefined
  readonly same: number | string
}

const listAccounts = compiledQuery<{ tenantId: string; number: string; spelling: string }, AccountRow>(
  (db, value) =>
    db
      .selectFrom('client')
      .innerJoin('channel', 'channel.clientId', 'client.id')
      .select('client.maxChannels as limit')
      .select((row) => [
        row.fn.countAll().as('used'),
        row.fn
          .sum(
            sql<number>`case when channel.phone_number in (${value('number')}, ${value('spelling')}) then 1 else 0 end`,
          )
          .as('same'),
      ])
      .where('client.id', 'in', (own) =>
        own.selectFrom('channel as own').select('own.clientId').where('own.tenantId', '=', value('tenantId')),
      )
      .where('channel.status', '!=', 'terminated')
      .where('channel.unlistedAt', 'is', null)
      .groupBy('client.id')
      .orderBy('client.id') as never,
)
