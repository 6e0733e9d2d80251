import { z } from 'zod'
import { emailForm } from '../email-address.ts'
import { isPlainText, toPlainText } from '../plain-text.ts'
import { readDate } from './wire-date.ts'

// Readers for what 360dialog sends: a value of another shape counts as not sent, and loses nothing else. A client
// chooses names and other texts: control characters are left out, since no database of ours has to take them.
const MISSING = undefined

/** Text as it was sent; `null` stays `null`, so that "said nothing" and "said: none" differ. */
export const wireText = z
  .union([z.string(), z.number()])
  .transform((text) => toPlainText(String(text)).trim())
  .nullish()
  .catch(MISSING)

/** True or false, also as text. */
export const wireFlag = z.union([z.boolean(), z.stringbool()]).nullish().catch(MISSING)

/** A number of things. */
export const wireCount = z.coerce.number().int().nonnegative().nullish().catch(MISSING)

/** An id, text or number on the wire. */
export const wireId = z
  .union([z.string(), z.number().int()])
  .transform((id) => toPlainText(String(id)).trim())
  .pipe(z.string().min(1))
  .nullish()
  .catch(MISSING)

/** One with control characters is none: without them it could be somebody else's. */
export const wireEmail = z
  .string()
  .refine(isPlainText)
  .transform((email) => emailForm(email) || undefined)
  .nullish()
  .catch(MISSING)

/** A date that was said: as it was written, and `at` only when it can be read. Undefined: none was said. */
export type WireDate = { readonly said: string; readonly at: Date | undefined } | undefined

export const wireDate = z
  .unknown()
  .optional()
  .transform((said): WireDate => {
    const text =
      typeof said === 'string' || typeof said === 'number' ? toPlainText(String(said)).trim() : 'odd'
    return said === undefined || said === null || text === '' ? MISSING : { said: text, at: readDate(said) }
  })

/** Of the dates of a row those that were said and cannot be read. */
export function unreadDatesOf(dates: Readonly<Record<string, WireDate>>): string[] {
  return Object.keys(dates).filter((name) => dates[name] && !dates[name].at)
}

/** A phone number in any spelling, as E.164 with `+`; 7 to 15 digits. */
export const wirePhoneNumber = z
  .union([z.string(), z.number()])
  .transform((number) => String(number).replace('(0)', '').replace(/\D/g, '').replace(/^00/, ''))
  .pipe(z.string().min(7).max(15))
  .transform((digits) => `+${digits}`)
  .nullish()
  .catch(MISSING)

/** A nested object, which may be null or missing. */
export function wireObject<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.object(shape).nullish().catch(MISSING)
}

/** A time of ours as 360dialog would write it: in whole seconds, so that the two can be compared (docs/360dialog.md 6). */
export function toWireSecond(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000)
}
