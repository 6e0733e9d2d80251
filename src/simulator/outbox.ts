import { createHmac } from 'node:crypto'
import { HubError } from './hub-error.ts'
import { type NoticeEvent, toNoticeData } from './notice-data.ts'
import { randomDigits } from './random-id.ts'
import type { Channel, Client } from './records.ts'
import type { Switches } from './switches.ts'

/** One notice to the partner's webhook, as it is sent, and sent again. */
export interface SentNotice {
  readonly id: string
  readonly event: NoticeEvent
  /** The channel, or the new client. */
  readonly aboutId: string
  readonly body: string
  at: Date
  /** How often it was sent. */
  sent: number
  /** What the partner's site answered last, or `lost`; empty while it has not. */
  answer: string
  /** When it is sent next. */
  nextAt: Date | undefined
}

interface SendingHub {
  readonly settings: { platformSecret?: string | undefined }
  readonly switches: Switches
  readonly webhookUrl: string | undefined
  now(): Date
  client(id: string): Client
  channel(id: string): Channel
}

interface Delivery {
  readonly notice: SentNotice
  /** In milliseconds of the simulator's time. */
  readonly at: number
  /** In seconds: how long it waits for the next attempt, and how many there may be. */
  readonly pause: number
  readonly retries: number
}

const MOST_NOTICES = 50
const WAIT_MS = 10_000
const LONGEST_NAP_MS = 60_000
/** What of two notices is swapped goes out so much later. */
const SWAP_SECONDS = 2

/** Tells the partner's webhook what happened, signed with the platform secret, until it is taken or given up. */
export class Outbox {
  readonly #hub: SendingHub
  readonly #underway = new Set<Promise<void>>()
  #notices: SentNotice[] = []
  #planned: Delivery[] = []
  #timer: NodeJS.Timeout | undefined
  #told = 0

  constructor(hub: SendingHub) {
    this.#hub = hub
  }

  /** @throws HubError 404 when there is no such channel, or client */
  tell(event: NoticeEvent, aboutId: string): void {
    const { webhookUrl, switches } = this.#hub
    if (!webhookUrl || !switches.send_notices) return
    for (const data of toNoticeData(event, aboutId, this.#hub)) this.#add(event, aboutId, data)
  }

  /** The same bytes once more. @throws HubError 404 */
  sendAgain(id: string): void {
    const notice = this.#notices.find((sent) => sent.id === id)
    if (!notice) throw new HubError(404, 'Notice not found')
    this.#plan(notice, 0)
  }

  /** Newest first. */
  list(): readonly SentNotice[] {
    return this.#notices
  }

  /** Sends what is due in the simulator's time, and looks again when the next is. */
  sendDue(): void {
    const now = this.#hub.now().getTime()
    const due = this.#planned.filter(({ at }) => at <= now)
    this.#planned = this.#planned.filter(({ at }) => at > now)
    for (const delivery of due) this.#send(delivery)
    clearTimeout(this.#timer)
    if (this.#planned.length === 0) return
    const nap = Math.min(...this.#planned.map(({ at }) => at - now), LONGEST_NAP_MS)
    this.#timer = setTimeout(() => this.sendDue(), nap).unref()
  }

  /** Resolves when everything that is due is answered. */
  async settled(): Promise<void> {
    this.sendDue()
    while (this.#underway.size > 0) await Promise.all(this.#underway)
  }

  /** What waits is not sent any more. */
  close(): void {
    this.#planned = []
    clearTimeout(this.#timer)
  }

  #add(event: NoticeEvent, aboutId: string, data: object): void {
    const { notice_loss, notice_delay, notice_twice, notice_order } = this.#hub.switches
    const id = `evt_${randomDigits(10)}`
    const body = JSON.stringify(toEnvelope({ id, event, data }, this.#hub.switches))
    const notice = { id, event, aboutId, body, at: this.#hub.now(), sent: 0, answer: '', nextAt: undefined }
    this.#notices = [notice, ...this.#notices].slice(0, MOST_NOTICES)
    this.#told += 1
    if (notice_loss > 0 && this.#told % notice_loss === 0) notice.answer = 'lost'
    else {
      const swapped = notice_order === 'swapped' && this.#told % 2 === 1 ? SWAP_SECONDS : 0
      for (let copy = 1; copy <= (notice_twice ? 2 : 1); copy += 1) this.#plan(notice, notice_delay + swapped)
    }
  }

  #plan(notice: SentNotice, seconds: number, pause = 1, retries = this.#hub.switches.notice_retries): void {
    const at = this.#hub.now().getTime() + seconds * 1000
    notice.nextAt = new Date(at)
    this.#planned.push({ notice, at, pause, retries })
    this.sendDue()
  }

  #send({ notice, pause, retries }: Delivery): void {
    Object.assign(notice, { at: this.#hub.now(), sent: notice.sent + 1, answer: '', nextAt: undefined })
    const sending: Promise<void> = this.#post(notice.body).then((answer) => {
      notice.answer = answer
      this.#underway.delete(sending)
      if (!/^2/.test(answer) && retries > 0) this.#plan(notice, pause, pause * 2, retries - 1)
    })
    this.#underway.add(sending)
  }

  async #post(body: string): Promise<string> {
    const { webhookUrl = '', settings, switches } = this.#hub
    const signature = settings.platformSecret && sign(body, settings.platformSecret, switches)
    const headers = {
      'content-type': 'application/json',
      ...(signature && { 'x-360dialog-signature': signature }),
    }
    try {
      const signal = AbortSignal.timeout(WAIT_MS)
      const answer = await fetch(webhookUrl, { method: 'POST', headers, body, redirect: 'manual', signal })
      await answer.body?.cancel()
      return String(answer.status)
    } catch {
      return 'no answer'
    }
  }
}

function toEnvelope({ event, ...others }: { id: string; event: string; data: object }, switches: Switches) {
  const { notice_names, notice_envelope } = switches
  const names = { underscores: event, dots: event.replaceAll('_', '.'), unknown: 'channel_sighed' }
  const envelope = { ...others, event: names[notice_names] }
  return notice_envelope === 'array' ? [envelope] : envelope
}

function sign(body: string, secret: string, { notice_signature: how }: Switches): string | undefined {
  if (how === 'missing') return undefined
  const hmac = createHmac('sha256', how === 'wrong' ? `not ${secret}` : secret).update(body)
  return `${how === 'prefixed' ? 'sha256=' : ''}${hmac.digest('hex')}`
}
