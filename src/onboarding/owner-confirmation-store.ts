import type { Database } from '../database/database.ts'
import type { Row } from '../database/schema.ts'
import { hashOf, newId, newSecret } from '../identifiers.ts'
import type { Vault } from '../vault/vault.ts'

export type OwnerConfirmation = Row<'ownerConfirmation'>

type Asked = Pick<
  OwnerConfirmation,
  'sessionId' | 'clientId' | 'email' | 'language' | 'askedBy' | 'createdAt' | 'expiresAt'
>

interface Dependencies {
  readonly db: Database
  readonly hubId: string
  readonly vault: Pick<Vault, 'seal' | 'open'>
}

/**
 * Keeps the questions to owners, and about which customers an owner wants none. The id in a mail's link is sealed
 * until the mail has left, so that each attempt to send it has the same link; then only its hash is left.
 */
export class OwnerConfirmationStore {
  readonly #dependencies: Dependencies
  readonly #db: Database

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#db = dependencies.db
  }

  async add(asked: Asked, trx: Database): Promise<OwnerConfirmation> {
    const id = newId('own', asked.createdAt)
    const linkId = newSecret()
    const { jwe: sealedLink } = await this.#dependencies.vault.seal(this.#contextOf(id), linkId)
    return trx
      .insertInto('ownerConfirmation')
      .values({ ...asked, id, linkHash: hashOf(linkId), sealedLink })
      .returningAll()
      .executeTakeFirstOrThrow()
  }

  /** The id in the link of a mail that has not left yet. */
  openLink({ id, sealedLink = '' }: OwnerConfirmation): Promise<string> {
    return this.#dependencies.vault.open(this.#contextOf(id), sealedLink)
  }

  find(id: string): Promise<OwnerConfirmation | undefined> {
    return this.#all().where('id', '=', id).executeTakeFirst()
  }

  findByLink(linkId: string): Promise<OwnerConfirmation | undefined> {
    return this.#all().where('linkHash', '=', hashOf(linkId)).executeTakeFirst()
  }

  findFor(sessionId: string, clientId: string, trx: Database): Promise<OwnerConfirmation | undefined> {
    const ofSession = this.#all(trx).where('sessionId', '=', sessionId)
    return ofSession.where('clientId', '=', clientId).executeTakeFirst()
  }

  /** Newest first. */
  listOfSession(sessionId: string): Promise<OwnerConfirmation[]> {
    return this.#all().where('sessionId', '=', sessionId).orderBy('id', 'desc').execute()
  }

  async countSince(clientId: string, since: Date, trx: Database): Promise<number> {
    const { count } = await trx
      .selectFrom('ownerConfirmation')
      .select((row) => row.fn.countAll().as('count'))
      .where('clientId', '=', clientId)
      .where('createdAt', '>', since)
      .executeTakeFirstOrThrow()
    return Number(count)
  }

  async addChannels(confirmationId: string, channelIds: readonly string[], trx: Database): Promise<void> {
    await trx
      .insertInto('ownerConfirmationChannel')
      .values(channelIds.map((channelId) => ({ confirmationId, channelId })))
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }

  async listChannels(confirmationId: string, db: Database = this.#db): Promise<string[]> {
    const rows = await db
      .selectFrom('ownerConfirmationChannel')
      .select('channelId')
      .where('confirmationId', '=', confirmationId)
      .orderBy('channelId')
      .execute()
    return rows.map(({ channelId }) => channelId)
  }

  async markSent(id: string, sentAt: Date, trx: Database): Promise<void> {
    const sent = trx.updateTable('ownerConfirmation').set({ sentAt, sealedLink: null })
    await sent.where('id', '=', id).execute()
  }

  /** False when it was closed already. */
  async close(id: string, answer: 'yes' | 'no' | 'none', now: Date, trx: Database): Promise<boolean> {
    const closed = await trx
      .updateTable('ownerConfirmation')
      .set({ answer, closedAt: now, sealedLink: null })
      .where('id', '=', id)
      .where('closedAt', 'is', null)
      .executeTakeFirst()
    return closed.numUpdatedRows === 1n
  }

  /** Since when no mails about this customer are sent, because an owner said so. */
  async findStop(tenantId: string, db: Database = this.#db): Promise<Date | undefined> {
    const stops = db.selectFrom('ownerMailStop').select('stoppedAt').where('tenantId', '=', tenantId)
    return (await stops.executeTakeFirst())?.stoppedAt
  }

  async stop(tenantId: string, stoppedAt: Date, trx: Database): Promise<void> {
    await trx
      .insertInto('ownerMailStop')
      .values({ tenantId, stoppedAt })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }

  /** False when there was no stop. */
  async removeStop(tenantId: string, trx: Database): Promise<boolean> {
    const removed = await trx.deleteFrom('ownerMailStop').where('tenantId', '=', tenantId).executeTakeFirst()
    return removed.numDeletedRows === 1n
  }

  #all(db: Database = this.#db) {
    return db.selectFrom('ownerConfirmation').selectAll()
  }

  #contextOf(id: string) {
    return { hubId: this.#dependencies.hubId, kind: 'mail_link', subject: id, version: 1 } as const
  }
}
