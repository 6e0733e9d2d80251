import { InvalidInputError } from '../errors.ts'

const LONGEST = 100

/** How a name is stored and compared: trimmed and in lower case. */
export function normaliseAdminName(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase()
}

/** Whether this, already normalised, can be an admin's name at all. */
export function isAdminName(name: string): boolean {
  return name !== '' && name.length <= LONGEST && !/\p{Cc}/u.test(name)
}

/** @throws InvalidInputError when it cannot be an admin's name */
export function readAdminName(text: string): string {
  const name = normaliseAdminName(text)
  if (!isAdminName(name)) throw new InvalidInputError(`An admin's name has 1 to ${LONGEST} characters.`)
  return name
}
