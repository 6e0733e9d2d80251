import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { ReviewReason } from '../database/schema.ts'
import { MailError } from '../errors.ts'
import type { CrashPoint } from '../jobs/crash-points.ts'
import type { LeasedJob } from '../jobs/jobs.ts'
import type { Work } from '../jobs/runner.ts'
import type { Mailer } from '../mail/mailer.ts'
import { confirmPath } from '../paths.ts'
import { showPhoneNumber } from '../phone-number.ts'
import type { ConnectSession, ConnectSessionService } from './connect-session-service.ts'
import type { OwnerAnswerService } from './owner-answer-service.ts'
import type { OwnerConfirmation, OwnerConfirmationStore } from './owner-confirmation-store.ts'
import { type Translator, writeOwnerMail } from './owner-mail.ts'

interface Dependencies {
  readonly db: Database
  readonly publicUrl: URL
  readonly mailer: Pick<Mailer, 'send'> | undefined
  readonly translate: Translator
  readonly confirmations: OwnerConfirmationStore
  readonly answers: Pick<OwnerAnswerService, 'endUnanswered'>
  readonly sessions: Pick<ConnectSessionService, 'find'>
  readonly channels: Pick<ChannelService, 'list'>
  readonly clock: Clock
  readonly crashPoint: CrashPoint
}

/**
 * Sends the owners' mails; once one has left, the same job ends the question when its time is over. A crash between
 * the sending and its row sends the mail twice, with the same link, and never not at all.
 */
export class OwnerMailService {
  readonly work: Work = { kind: 'mail', run: (job) => this.#run(job) }
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  async #run(job: LeasedJob): Promise<void> {
    const { db, confirmations, sessions, answers, clock, crashPoint } = this.#dependencies
    const confirmation = await confirmations.find(job.subject)
    const session = confirmation && (await sessions.find(confirmation.sessionId))
    if (!session || confirmation.closedAt) return
    const reason = await this.#sendOnce(confirmation, session)
    if (!reason && !confirmation.sentAt) crashPoint('mail.sent')
    await inTransaction(db, async (trx) => {
      if (reason) {
        await answers.endUnanswered({ confirmation, session }, reason, trx)
        return job.finish(trx)
      }
      if (!confirmation.sentAt) await confirmations.markSent(confirmation.id, clock.now(), trx)
      await job.again(confirmation.expiresAt, trx)
    })
  }

  /** Answers why the question ends without an answer, if it does. @throws MailError when the mail may leave later */
  async #sendOnce(
    confirmation: OwnerConfirmation,
    session: ConnectSession,
  ): Promise<ReviewReason | undefined> {
    const { mailer, confirmations, clock } = this.#dependencies
    const { expiresAt, sentAt } = confirmation
    if (!sentAt && (await confirmations.findStop(session.tenantId))) return 'owner_refused'
    if (expiresAt <= clock.now() || (!sentAt && !mailer)) return 'owner_silent'
    if (sentAt) return undefined
    const mail = await this.#write(confirmation, session)
    try {
      await mailer?.send(mail)
      return undefined
    } catch (error) {
      if (error instanceof MailError && error.isFinal) return 'owner_silent'
      throw error
    }
  }

  async #write(confirmation: OwnerConfirmation, session: ConnectSession) {
    const { confirmations, channels, publicUrl, translate } = this.#dependencies
    const { id, email: to, language, expiresAt } = confirmation
    const { tenantName, code } = session
    const linkId = await confirmations.openLink(confirmation)
    const asked = await channels.list({ ids: await confirmations.listChannels(id) })
    const numbers = asked.map(({ phoneNumber, id }) => (phoneNumber ? showPhoneNumber(phoneNumber) : id))
    const isSelfMade = session.origin === 'self_signup'
    const link = new URL(confirmPath(linkId), publicUrl).href
    return writeOwnerMail({ to, language, expiresAt, tenantName, code, isSelfMade, numbers, link }, translate)
  }
}
