import { HubError } from './hub-error.ts'
import type { Mail, NewChannel, NewClient, NewNumber } from './records.ts'
import type { VisitActs } from './visits.ts'

type Fields = Record<string, unknown>

/** A JSON object or form as its fields; anything else has none. */
export function readFields(body: unknown): Fields {
  return body && typeof body === 'object' ? { ...body } : {}
}

/** `{id?, email, name, created_at?}`. @throws HubError 400, like the readers below */
export function readNewClient(fields: Fields): NewClient {
  const [email, name] = [required(fields, 'email'), required(fields, 'name')]
  return { id: readText(fields, 'id'), email, name, createdAt: readDate(fields) }
}

/** `{id?, client_id, phone_number, display_name, running?, permitted?, classic?, coexistence?, created_at?}`. */
export function readNewChannel(fields: Fields): NewChannel {
  return { ...readNewNumber(fields), clientId: required(fields, 'client_id') }
}

/** `{to, subject, text}`. */
export function readMail(fields: Fields): Pick<Mail, 'to' | 'subject' | 'text'> {
  return { to: required(fields, 'to'), subject: required(fields, 'subject'), text: required(fields, 'text') }
}

/** `{client_id | signup: {name, email}, number?, add?: [{phone_number, display_name}], channels?, revoke?, cancel?}`. */
export function readVisitActs(fields: Fields): VisitActs {
  return {
    clientId: readText(fields, 'client_id'),
    signup: fields.signup === undefined ? undefined : readNewClient(readFields(fields.signup)),
    number: readText(fields, 'number'),
    add: readRows(fields, 'add').map((row) => readNewNumber(readFields(row))),
    channels: readRows(fields, 'channels').map(String),
    revoke: readRows(fields, 'revoke').map(String),
    cancel: fields.cancel === true,
  }
}

export function readChoice<T extends string>(fields: Fields, name: string, choices: readonly T[]): T {
  const chosen = choices.find((choice) => choice === fields[name])
  if (chosen) return chosen
  throw new HubError(400, `${name} is one of: ${choices.join(', ')}`)
}

export function required(fields: Fields, name: string): string {
  const text = readText(fields, name)
  if (!text) throw new HubError(400, `Missing: ${name}`)
  return text
}

function readNewNumber(fields: Fields): NewNumber {
  return {
    id: readText(fields, 'id'),
    phoneNumber: required(fields, 'phone_number'),
    displayName: required(fields, 'display_name'),
    running: fields.running === true,
    permitted: fields.permitted === true,
    ...(fields.classic === true && { isClassic: true }),
    ...(fields.coexistence === true && { isOnBizApp: true }),
    createdAt: readDate(fields),
  }
}

export function readText(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string') return value
  throw new HubError(400, `Not a text: ${name}`)
}

function readDate(fields: Fields): Date | undefined {
  const text = readText(fields, 'created_at')
  if (text === undefined) return undefined
  if (Number.isNaN(Date.parse(text))) throw new HubError(400, 'Not a time: created_at')
  return new Date(text)
}

function readRows(fields: Fields, name: string): unknown[] {
  const value = fields[name] ?? []
  if (Array.isArray(value)) return value
  throw new HubError(400, `Not a list: ${name}`)
}
