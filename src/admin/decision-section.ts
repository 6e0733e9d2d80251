import type { ChannelState, OpenMint } from '../channels/channel-repository.ts'
import { recordsKnownOf } from '../keys/mint-obstacle.ts'
import { adminChannelPastePath, adminChannelReplacePath } from '../paths.ts'
import type { ChannelFile } from './channel-desk.ts'

/** What was wrong with a decision that an admin sent, and in which of the two forms. */
export interface Misstep {
  readonly form: 'replace' | 'paste'
  readonly problem: string
}

/** The two ways on from a mint that stopped; undefined when it waits for nobody. */
export function toDecisionSection(
  { channel, mints }: ChannelFile,
  standardAddress: string,
  misstep?: Misstep,
) {
  const { mint, phoneNumber, id } = channel
  const stopped = mints.find((one) => one.id === mint?.id)
  if (mint?.state !== 'needs_decision' || !stopped) return undefined
  return {
    mintId: mint.id,
    hasKeptAnswer: isKeptAnswer(mint),
    number: phoneNumber ?? id,
    isBlind: recordsKnownOf(stopped) === undefined,
    replacePath: adminChannelReplacePath(id),
    confirmation: phoneNumber === undefined ? `the channel id, ${id}` : 'the last four digits of the number',
    pastePath: adminChannelPastePath(id),
    isProvable: phoneNumber !== undefined,
    standardAddress,
    failed: misstep?.form,
  }
}

/** An answer came and is kept, but could not be read; one that was lost is not there. */
export function isKeptAnswer({ state, problem }: OpenMint): boolean {
  return state === 'needs_decision' && problem !== 'answer_lost' && problem?.startsWith('answer_') === true
}

/** Whether somebody typed what shows that they mean this number. */
export function isConfirmed(
  { id, phoneNumber }: Pick<ChannelState, 'id' | 'phoneNumber'>,
  typed: string,
): boolean {
  return typed === (phoneNumber?.replaceAll(/\D/g, '').slice(-4) || id)
}
