import type { Logger } from 'pino'
import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelRepository } from '../channels/channel-repository.ts'
import type { Clock } from '../clock.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { claimDue, postpone } from '../database/due-rows.ts'
import { PartnerApiError } from '../errors.ts'
import { hashOf, newId } from '../identifiers.ts'
import type { MintService } from '../keys/mint-service.ts'
import type { ProbeService } from '../keys/probe-service.ts'
import type { Channel } from '../partner-api/channel.ts'
import type { Client } from '../partner-api/client.ts'
import type { PartnerApi } from '../partner-api/partner-api.ts'
import type { PermissionService } from '../permissions/permission-service.ts'
import { FAILING, nextTry } from '../worker/backoff.ts'
import type { Reached } from '../worker/step.ts'
import type { WorkName, WorkSource } from '../worker/worker.ts'
import { judgeBelonging, type Verdict } from './belonging.ts'
import type { CallbackQuery } from './callback-query.ts'
import type { ConnectSession, ConnectSessionRepository, Launch } from './connect-session-repository.ts'
import { statusIdOf } from './launch-service.ts'
import { type Return, type ReturnRepository, toReturn } from './return-repository.ts'

export type Received =
  /** Stored, or here already: the browser goes on to its status page. */
  | { readonly kind: 'accepted'; readonly statusId: string }
  /** Belongs to no live launch of this browser: nothing was stored or changed. */
  | { readonly kind: 'unattached' }

interface Given {
  readonly db: Database
  readonly hubId: string
  readonly sessions: ConnectSessionRepository
  readonly returns: ReturnRepository
  readonly channels: ChannelRepository
  readonly permissions: PermissionService
  readonly mints: MintService
  readonly probes: ProbeService
  readonly partnerApi: PartnerApi
  readonly audit: AuditLog
  readonly clock: Clock
  readonly logger: Logger
  readonly reached: Reached
  readonly wake: (name: WorkName) => void
}

/** Receives what comes back from the permission screen, and works out later what it means. */
export class ReturnService implements WorkSource {
  readonly name = 'returns' as const
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  /** Stores a return before it is understood; the worker does the rest (DESIGN: nothing is lost). */
  async receive(query: CallbackQuery, browserHash: string | undefined): Promise<Received> {
    const { sessions, returns, clock, reached, wake } = this.#given
    const [nonce, another] = query.nonces
    if (nonce === undefined || another !== undefined) return { kind: 'unattached' }
    const launch = await sessions.findLaunchByNonce(hashOf(nonce))
    const now = clock.now()
    if (!launch || launch.expiresAt <= now || launch.browserHash !== browserHash)
      return { kind: 'unattached' }

    reached('return.received')
    const { clientId, channelIds, revokedIds, raw } = query
    const isNew = await returns.save({
      id: newId('ret', now),
      launchId: launch.id,
      sessionId: launch.sessionId,
      clientId,
      channelIds,
      revokedIds,
      raw,
      state: channelIds.length + revokedIds.length > 0 ? 'received' : 'declined',
      receivedAt: now,
    })
    reached('return.stored')
    if (isNew) wake('returns')
    return { kind: 'accepted', statusId: statusIdOf(nonce) }
  }

  async workOnce(): Promise<boolean> {
    const { db, hubId, clock, logger } = this.#given
    const row = await claimDue(db, 'connect_return', hubId, clock.now())
    if (!row) return false
    try {
      await this.#work(toReturn(row))
    } catch (error) {
      if (!(error instanceof PartnerApiError)) logger.error({ err: error, return: row.id }, 'return failed')
      else
        logger.warn({ return: row.id, failure: error.failure, status: error.upstreamStatus }, 'return waits')
      await postpone(db, 'connect_return', row.id, nextTry(clock.now(), row.attempts, FAILING))
    }
    return true
  }

  /**
   * Works through one return: whose the channels are, which tenant they are bound to, which keys to ask for.
   * Safe to repeat after a crash at any line: what was done is seen on the rows.
   */
  async #work(received: Return): Promise<void> {
    const { db, sessions, partnerApi, clock, reached, wake } = this.#given
    const { clientId } = received
    if (clientId === undefined) throw new Error('a stored return has no client')
    const client = await partnerApi.findClient(clientId, 'mint')
    const listed = client ? await partnerApi.listChannels({ clientId }, 'mint') : []
    const launch = await sessions.findLaunch(received.launchId)
    const session = await sessions.find(received.sessionId)
    if (!launch || !session) throw new Error('a stored return has no launch')
    reached('return.verified')

    await inTransaction(db, async (trx) => {
      const verdict = await this.#judge({ received, clientId, client, listed, launch, session }, trx)
      await this.#carryOut(verdict, { received, clientId, client, listed, launch, session }, clock.now(), trx)
    })
    reached('return.bound')
    wake('mints')
  }

  async #judge(known: Known, trx: Database): Promise<Verdict> {
    const { received, clientId, client, listed, launch, session } = known
    if (received.channelIds.length === 0) return { bound: [], review: [], rule: undefined, reason: undefined }
    const { channels } = this.#given
    const siblings = await channels.list({ clientId, tenantId: session.tenantId, limit: 1 }, trx)
    return judgeBelonging({
      tenantId: session.tenantId,
      email: session.email,
      emailVerified: session.emailVerified,
      number: session.number,
      launchedAt: launch.createdAt,
      returnedAt: received.receivedAt,
      fixedClientId: (await this.#given.sessions.findLaunch(launch.id, trx))?.clientId,
      clientId,
      channelIds: received.channelIds,
      client,
      listed,
      boundTenants: await channels.tenantsOf(received.channelIds, trx),
      clientIsKnown: siblings.length > 0,
    })
  }

  async #carryOut(judged: Verdict, known: Known, now: Date, trx: Database): Promise<void> {
    const { sessions, channels, returns, audit } = this.#given
    const { received, clientId, client, listed, launch, session } = known
    const named = listed.filter(({ id }) => [...received.channelIds, ...received.revokedIds].includes(id))
    await channels.describe(client, named, now, trx)
    if (client && judged.reason !== 'another_client') await sessions.fixClient(launch.id, clientId, trx)

    const verdict = await this.#bind(judged, session.tenantId, now, trx)
    for (const id of verdict.bound) await this.#onGranted(id, known, now, trx)
    for (const id of received.revokedIds) await this.#onRevoked(id, session.tenantId, now, trx)
    await returns.close(received.id, verdict.review.length > 0 ? 'needs_review' : 'bound', verdict, now, trx)
    for (const channelId of verdict.bound) {
      const detail = { rule: verdict.rule ?? '', return: received.id }
      await audit.record(
        { actor: 'latchkey', action: 'channel.bound', channelId, tenantId: session.tenantId, detail },
        trx,
      )
    }
  }

  /** Two sign-ups may meet here: the row decides, and who comes second goes to review. */
  async #bind(verdict: Verdict, tenantId: string, now: Date, trx: Database): Promise<Verdict> {
    const refused: string[] = []
    for (const id of verdict.bound)
      if (!(await this.#given.channels.bind(id, tenantId, now, trx))) refused.push(id)
    if (refused.length === 0) return verdict
    return {
      ...verdict,
      bound: verdict.bound.filter((id) => !refused.includes(id)),
      review: [...verdict.review, ...refused],
      reason: 'bound_elsewhere',
    }
  }

  async #onGranted(channelId: string, { received, launch }: Known, now: Date, trx: Database): Promise<void> {
    const { permissions, mints } = this.#given
    const observedAt = received.receivedAt
    await permissions.observe(channelId, { source: 'return', says: 'shared', observedAt }, trx)
    await mints.request({ channelId, askedBy: received.id, launchedAt: launch.createdAt, now }, trx)
  }

  /** A revocation in a redirect is a hint: it makes us look at the key, and takes nothing away. */
  async #onRevoked(channelId: string, tenantId: string, now: Date, trx: Database): Promise<void> {
    const { channels, permissions, probes } = this.#given
    const bound = await channels.tenantsOf([channelId], trx)
    if (bound.get(channelId) !== tenantId) return
    await permissions.observe(
      channelId,
      { source: 'return', says: 'revocation_reported', observedAt: now },
      trx,
    )
    await probes.retry(channelId, 'probe', now, trx)
  }
}

interface Known {
  readonly received: Return
  readonly clientId: string
  readonly client: Client | undefined
  readonly listed: readonly Channel[]
  readonly launch: Launch
  readonly session: ConnectSession
}
