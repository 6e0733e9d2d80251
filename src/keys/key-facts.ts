import type { ChannelDetails } from '../channels/channel-service.ts'
import { recordsKnownOf } from './mint-judgement.ts'
import type { Mint } from './mint-ledger.ts'

/** How a part is called that has changed. */
export const keyParts = {
  stop: 'creating the key',
  records: 'which keys are known at 360dialog',
  key: 'the stored key',
  holder: 'whose number it is',
} as const

/** What an admin sees when deciding about a channel's key; `open` is its open mint. */
export function keyFactsOf(
  channel: Pick<ChannelDetails, 'keyStatus' | 'keyVersion' | 'tenantId'>,
  open: Mint | undefined,
): Record<keyof typeof keyParts, unknown> {
  const { keyStatus, keyVersion, tenantId } = channel
  return {
    stop: open && [open.id, open.state, open.problem],
    records: open && recordsKnownOf(open),
    key: [keyStatus, keyVersion],
    holder: tenantId,
  }
}
