import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { ReviewReason } from '../database/schema.ts'
import { isEmailAddress } from '../email-address.ts'
import { InvalidInputError } from '../errors.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { isSameLine } from '../phone-number.ts'
import type { ConnectSession, ConnectSessionService, Launch } from './connect-session-service.ts'
import type { OwnerConfirmation, OwnerConfirmationStore } from './owner-confirmation-store.ts'
import type { Claimant, ReviewDetails } from './review-facts.ts'

/** Who asks for what. */
interface Request {
  readonly session: ConnectSession
  readonly launch: Pick<Launch, 'language'>
  readonly clientId: string
  /** As 360dialog holds them; the mail goes to the first. */
  readonly emails: readonly string[]
  readonly channelIds: readonly string[]
  /** `latchkey` or `admin:NAME`. */
  readonly by: string
}

const DAY_MS = 24 * 60 * 60_000
const LIFE_MS = 7 * DAY_MS
/** However many sessions ask, no more mails than this go to one client in a day. */
const MAX_MAILS_A_DAY = 3

interface Dependencies {
  readonly db: Database
  /** False without SMTP_URL: then no owner is asked. */
  readonly canSendMail: boolean
  readonly confirmations: OwnerConfirmationStore
  readonly sessions: Pick<ConnectSessionService, 'findLaunch'>
  readonly channels: Pick<ChannelService, 'lockClient'>
  readonly jobs: Pick<Jobs, 'plan'>
  readonly audit: AuditLog
  readonly clock: Clock
}

/** Decides whether the owner of a client is asked by mail whether somebody gets a number (ARCHITECTURE, "Belonging"). */
export class OwnerAskingService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Asks the owner about these channels, or adds them to a question of the same session and client that is open.
   * Answers why an admin decides instead, if the owner is not asked.
   */
  async ask(request: Request, now: Date, trx: Database): Promise<ReviewReason | undefined> {
    const { channels, confirmations, canSendMail } = this.#dependencies
    const { session, clientId, emails, channelIds } = request
    if (!canSendMail) return 'nothing_matches'
    // Two sessions may ask at once, or the owner answers meanwhile: whoever comes second sees what the first has done.
    await channels.lockClient(clientId, trx)
    const earlier = await confirmations.findFor(session.id, clientId, trx)
    if (earlier?.answer) return reasonAfter[earlier.answer]
    if (await confirmations.findStop(session.tenantId, trx)) return 'owner_refused'
    const [email = ''] = emails
    if (!earlier && (!isEmailAddress(email) || (await this.#hadEnough(clientId, now, trx))))
      return 'nothing_matches'
    const { id } = earlier ?? (await this.#begin({ ...request, email }, now, trx))
    await confirmations.addChannels(id, channelIds, trx)
    return undefined
  }

  /**
   * An admin asks the owner about a channel in review, for one of those who ask. The review stays open beside it.
   *
   * @throws InvalidInputError when the owner cannot be asked
   */
  async askAbout(details: ReviewDetails, sessionId: string, by: string): Promise<void> {
    const { db, sessions, clock } = this.#dependencies
    const { review, client } = details
    const claimant = details.claimants.find(({ session }) => session.id === sessionId)
    const launch = claimant && (await sessions.findLaunch(claimant.received.launchId ?? ''))
    if (!client || !launch || !this.canAskAbout(details, claimant))
      throw new InvalidInputError('The owner cannot be asked about this number. Nothing was sent.')
    const asked = { clientId: client.id, emails: client.emails, channelIds: [review.channelId], by }
    const request = { session: claimant.session, launch, ...asked }
    if (await inTransaction(db, (trx) => this.ask(request, clock.now(), trx)))
      throw new InvalidInputError(
        'No mail was sent: the owner was asked for this attempt before, wants no more mails about this customer, or got three today.',
      )
  }

  /** Whether a yes of the owner could give this channel to the one who asks. */
  canAskAbout({ review, client, channel }: ReviewDetails, { session }: Claimant): boolean {
    const isAskedFor = session.number === undefined || isSameLine(channel?.phoneNumber, session.number)
    const isFree = channel?.clientId === review.clientId && channel.tenantId === undefined
    const hasMailbox = this.#dependencies.canSendMail && isEmailAddress(client?.emails[0] ?? '')
    return hasMailbox && !review.closedAt && isFree && isAskedFor
  }

  /** The questions that a session has asked, newest first. */
  listOfSession(sessionId: string): Promise<OwnerConfirmation[]> {
    return this.#dependencies.confirmations.listOfSession(sessionId)
  }

  /** Since when no mails about this customer are sent, because an owner said "no, and stop these". */
  findStop(tenantId: string): Promise<Date | undefined> {
    return this.#dependencies.confirmations.findStop(tenantId)
  }

  /** An admin knows better: owners may be asked about this customer again. */
  async allowMails(tenantId: string, by: string): Promise<void> {
    const { db, confirmations, audit } = this.#dependencies
    await inTransaction(db, async (trx) => {
      if (await confirmations.removeStop(tenantId, trx))
        await audit.record({ actor: by, action: 'owner.mails_allowed', tenantId }, trx)
    })
  }

  async #hadEnough(clientId: string, now: Date, trx: Database): Promise<boolean> {
    const since = new Date(now.getTime() - DAY_MS)
    return (await this.#dependencies.confirmations.countSince(clientId, since, trx)) >= MAX_MAILS_A_DAY
  }

  async #begin(
    { session, launch, clientId, email, by }: Request & { readonly email: string },
    now: Date,
    trx: Database,
  ): Promise<OwnerConfirmation> {
    const { confirmations, jobs, audit } = this.#dependencies
    const life = { createdAt: now, expiresAt: new Date(now.getTime() + LIFE_MS) }
    const asked = { sessionId: session.id, clientId, email, language: launch.language, askedBy: by }
    const confirmation = await confirmations.add({ ...asked, ...life }, trx)
    await jobs.plan({ kind: 'mail', subject: confirmation.id }, trx)
    const detail = { confirmation: confirmation.id, client: clientId, session: session.id }
    await audit.record({ actor: by, action: 'owner.asked', tenantId: session.tenantId, detail }, trx)
    return confirmation
  }
}

/** Why an admin decides about what comes after a question has its answer. */
const reasonAfter = { yes: 'nothing_matches', no: 'owner_refused', none: 'owner_silent' } as const
