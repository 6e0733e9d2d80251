import type { Row } from '../database/schema.ts'

/** Whether an admin typed what shows that they mean this number: its last four digits, or else the channel's id. */
export function isConfirmed(
  { id, phoneNumber }: Pick<Row<'channel'>, 'id' | 'phoneNumber'>,
  typed: string,
): boolean {
  return typed === (phoneNumber?.replaceAll(/\D/g, '').slice(-4) || id)
}
