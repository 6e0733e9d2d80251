import type { ChannelState, OpenMint, TaskState } from '../channels/channel-repository.ts'
import { toClockTime } from './moment.ts'
import { type ProblemWords, type Turn, wordsOf } from './problem-words.ts'

export interface WhoseTurn {
  readonly turn: Turn
  /** What is, and what to do. */
  readonly why: string
}

/** Who has to act next so that the number works, and why. The first thing that stands in the way decides. */
export function whoseTurn(channel: ChannelState): WhoseTurn {
  if (channel.status === 'terminated')
    return {
      turn: 'nobody',
      why: '360dialog has ended this number. To go on, the customer connects another one.',
    }
  return turnOfMint(channel.mint) ?? turnOfKey(channel) ?? turnOfTasks(channel) ?? turnOfPermission(channel)
}

/** A problem with what to do and when it is tried again, in one line. */
export function sentenceOf({ what, todo }: ProblemWords, dueAt: Date | undefined): string {
  return dueAt ? `${what} ${todo} Looked at again at ${toClockTime(dueAt)}.` : `${what} ${todo}`
}

/** A lost answer that the key records could not explain is no longer ours to look at. */
export function wordsOfMint({ problem, state }: OpenMint): ProblemWords | undefined {
  if (problem === undefined) return undefined
  if (problem !== 'answer_lost' || state !== 'needs_decision') return wordsOf(problem)
  return {
    turn: 'admin',
    what: 'A key was asked for, the answer was lost, and the key records do not tell what happened.',
    todo:
      'Find out whether anybody uses a key of this number. Then decide: paste that key, ' + 'or replace it.',
  }
}

function turnOfMint(mint: OpenMint | undefined): WhoseTurn | undefined {
  if (!mint) return undefined
  if (mint.state === 'minting' || mint.state === 'sealed')
    return { turn: 'latchkey', why: 'The key is being made at this moment.' }
  const words = wordsOfMint(mint)
  if (words) return { turn: words.turn, why: sentenceOf(words, mint.dueAt) }
  if (mint.state === 'needs_decision')
    return {
      turn: 'admin',
      why: 'Making the key has stopped. Decide how to go on.',
    }
  return { turn: 'latchkey', why: 'A key was asked for and is made next. Nothing to do.' }
}

function turnOfKey({ key, permission, tenantId }: ChannelState): WhoseTurn | undefined {
  const status = key.status
  if (status === 'stored') return undefined
  if (status === 'retired') return { turn: 'nobody', why: 'The key was retired. Nothing to do.' }
  if (status === 'rejected' && permission.status !== 'missing')
    return { turn: 'admin', why: sentenceOf(wordsOf('key_rejected'), undefined) }
  if (status !== 'none' && status !== 'rejected')
    return { turn: 'admin', why: 'Nothing goes on here. Ask the customer to open the connect link again.' }
  if (permission.status === 'missing')
    return {
      turn: 'client',
      why: 'The permission is missing. Ask the customer to grant it again with the connect link.',
    }
  if (tenantId === undefined)
    return { turn: 'nobody', why: 'The number belongs to no customer yet. It will when one connects it.' }
  return { turn: 'client', why: 'The number has no key. Ask the customer to open the connect link again.' }
}

function turnOfTasks({ probe, webhook }: ChannelState): WhoseTurn | undefined {
  return (
    turnOfFailed(probe, 'The key could not be proven.') ??
    turnOfFailed(webhook, 'The webhook could not be set.') ??
    turnOfPlanned(probe, 'The key is stored and is proven next. Nothing to do.') ??
    turnOfPlanned(webhook, 'The key works, and its webhook is set next. Nothing to do.')
  )
}

function turnOfFailed(task: TaskState | undefined, what: string): WhoseTurn | undefined {
  if (task?.state !== 'failed') return undefined
  const words = wordsOf(task.problem ?? 'internal')
  return { turn: words.turn, why: `${what} ${sentenceOf(words, task.dueAt)}` }
}

function turnOfPlanned(task: TaskState | undefined, why: string): WhoseTurn | undefined {
  return task?.state === 'due' ? { turn: 'latchkey', why } : undefined
}

function turnOfPermission({ permission, status }: ChannelState): WhoseTurn {
  if (permission.status === 'missing')
    return {
      turn: 'client',
      why: 'The permission was taken back. If that was a mistake, the customer grants it again.',
    }
  if (permission.status === 'unknown')
    return { turn: 'client', why: 'The permission may be gone. Ask the customer whether they took it back.' }
  if (status === 'pending_deletion')
    return {
      turn: 'client',
      why: '360dialog is about to end this number. Ask the customer whether they want that.',
    }
  return { turn: 'nobody', why: 'The key works. Nothing to do.' }
}
