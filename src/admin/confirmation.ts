import type { Row } from '../database/schema.ts'
import { InvalidInputError } from '../errors.ts'

/**
 * An admin types what shows that they mean this number: its last four digits, or else the channel's id.
 *
 * @throws InvalidInputError when it is not that
 */
export function requireConfirmed(
  { id, phoneNumber }: Pick<Row<'channel'>, 'id' | 'phoneNumber'>,
  typed: string,
): void {
  if (typed !== (phoneNumber?.slice(-4) ?? id))
    throw new InvalidInputError('What you typed does not match this number. Nothing was changed.')
}
