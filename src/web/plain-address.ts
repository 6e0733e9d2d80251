import type { RequestHandler } from 'express'
import { InvalidInputError } from '../errors.ts'
import { paths } from '../paths.ts'

/** A control character can stand in an address only escaped: C0 and DEL as one byte, C1 as two. */
const ESCAPED_CONTROL = /%(?:[01][0-9a-f]|7f|c2%[89][0-9a-f])/i

const readElsewhere: ReadonlySet<string> = new Set([paths.callback, paths.adminSearch])

/**
 * Refuses an address with a control character in its path or query. Two are left to their own readers: a return, since
 * what others wrote into its query must not stop a customer, and a search, since what is copied brings tabs along.
 */
export const plainAddress: RequestHandler = (req, _res, next) => {
  if (!readElsewhere.has(req.path) && ESCAPED_CONTROL.test(req.originalUrl))
    throw new InvalidInputError('This address has characters that cannot be used.', 400)
  next()
}
