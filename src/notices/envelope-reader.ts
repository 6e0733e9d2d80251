import { wirePhoneNumber } from '../d360/wire-values.ts'
import type { JsonListener } from './json-scanner.ts'
import { isOfPeople } from './notice-events.ts'

/** One event, as far as it is read while it arrives; what is not a name or an id is left out. */
export interface Envelope {
  /** With `_` for each dot; empty when it has no name that can be read. */
  readonly event: string
  readonly envelopeId: string | undefined
  /** Of the channel, client or WhatsApp account that it is about: the event says which. */
  readonly dataId: string | undefined
  readonly channelId: string | undefined
  readonly clientId: string | undefined
  /** E.164 */
  readonly phoneNumber: string | undefined
  /** Something in it is named like messages or contacts. */
  readonly isOfPeople: boolean
  /** Where it begins and ends in what was received. */
  readonly start: number
  readonly end: number
}

/** The document is JSON, but no envelope and no array of envelopes. */
export class NotEnvelopesError extends Error {}
/** More envelopes than one delivery may bring. */
export class TooManyEnvelopesError extends Error {}

type Draft = { -readonly [Name in keyof Envelope]: Envelope[Name] }
type Field = 'event' | 'envelopeId' | 'dataId' | 'channelId' | 'clientId' | 'phoneNumber'

const MOST_ENVELOPES = 1_000
const ID = /^[\w-]{1,64}$/
const NAME = /^[\w.-]{1,64}$/

/** The places in an envelope that are read (docs/360dialog.md 11). */
const fields: ReadonlyMap<string, Field> = new Map([
  ['event', 'event'],
  ['id', 'envelopeId'],
  ['data.id', 'dataId'],
  ['data.channel_id', 'channelId'],
  ['data.client_id', 'clientId'],
  ['data.client.id', 'clientId'],
  ['data.phone_number', 'phoneNumber'],
])

/** In how many brackets something may stand that is read of an envelope, but for the names of what is of people. */
export const FIELD_DEPTH = 4

/** Finds the envelopes in a delivery, one or an array of them, while a JsonScanner reads it. */
export class EnvelopeReader implements JsonListener {
  readonly envelopes: Envelope[] = []
  /** For each bracket that is open, the key that was read last in it. */
  readonly #keys: string[] = []
  #isList = false
  #draft: Draft = newDraft(0)

  onOpen(isArray: boolean, at: number): void {
    const depth = this.#keys.push('')
    if (depth === 1 && isArray) this.#isList = true
    else if (depth === this.#envelopeDepth()) {
      if (isArray) throw new NotEnvelopesError()
      if (this.envelopes.length === MOST_ENVELOPES) throw new TooManyEnvelopesError()
      this.#draft = newDraft(at)
    }
  }

  onClose(at: number): void {
    if (this.#keys.length === this.#envelopeDepth()) this.envelopes.push({ ...this.#draft, end: at + 1 })
    this.#keys.pop()
  }

  onKey(key = ''): void {
    this.#keys[this.#keys.length - 1] = key
    if (isOfPeople(key)) this.#draft.isOfPeople = true
  }

  onValue(text: string | undefined): void {
    const depth = this.#keys.length
    if (depth < this.#envelopeDepth()) throw new NotEnvelopesError()
    if (depth > this.#envelopeDepth() + 2) return
    const field = fields.get(this.#keys.slice(this.#isList ? 1 : 0).join('.'))
    if (field === 'event') this.#draft.event = readName(text)
    else if (field === 'phoneNumber') this.#draft.phoneNumber = wirePhoneNumber.parse(text) ?? undefined
    else if (field) this.#draft[field] = readId(text) ?? this.#draft[field]
  }

  #envelopeDepth(): number {
    return this.#isList ? 2 : 1
  }
}

function newDraft(start: number): Draft {
  const unread = { dataId: undefined, channelId: undefined, clientId: undefined, phoneNumber: undefined }
  return { event: '', envelopeId: undefined, ...unread, isOfPeople: false, start, end: start }
}

function readName(text = ''): string {
  return NAME.test(text) ? text.toLowerCase().replaceAll('.', '_') : ''
}

function readId(text = ''): string | undefined {
  return ID.test(text) && text !== 'null' ? text : undefined
}
