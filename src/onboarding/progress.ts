import type { ChannelState } from '../channels/channel-repository.ts'
import type { Return } from './return-repository.ts'

/** Where a connect session stands (DESIGN 3.4). */
export type SessionStatus =
  | 'launched'
  | 'returned'
  | 'waiting'
  | 'completed'
  | 'needs_review'
  | 'declined'
  | 'failed'
  | 'expired'

/** Where one number of it stands, as its owner is told. */
export type NumberState =
  | 'activating'
  | 'preparing'
  | 'proving'
  | 'connected'
  | 'retrying'
  | 'no_permission'
  | 'with_support'
  | 'rejected'

export type StepName = 'permission' | 'check' | 'activation' | 'key' | 'connected'

export interface Step {
  readonly name: StepName
  readonly state: 'done' | 'current' | 'todo' | 'stopped'
  readonly at: Date | undefined
}

export interface NumberProgress {
  readonly phoneNumber: string | undefined
  readonly state: NumberState
}

export interface Progress {
  readonly status: SessionStatus
  readonly steps: readonly Step[]
  readonly numbers: readonly NumberProgress[]
}

interface Facts {
  readonly launchExpired: boolean
  /** Oldest first. */
  readonly returns: readonly Return[]
  /** The channels that these returns bound. */
  readonly channels: readonly ChannelState[]
}

/** What a session's rows add up to: its status, its steps and its numbers. Stored nowhere, so never stale. */
export function deriveProgress(facts: Facts): Progress {
  const numbers = facts.channels.map((channel) => ({
    phoneNumber: channel.phoneNumber,
    state: stateOfNumber(channel),
  }))
  const status = statusOf(facts, numbers)
  return { status, steps: stepsOf(status, facts), numbers }
}

export function stateOfNumber({ key, mint, probe }: ChannelState): NumberState {
  if (key.status === 'rejected' || key.status === 'retired') return 'rejected'
  if (key.status === 'needs_decision' || probe?.problem === 'another_number') return 'with_support'
  if (key.status === 'stored') return probe?.state === 'ok' ? 'connected' : 'proving'
  if (key.status === 'minting') return 'preparing'
  if (key.status === 'unknown') return 'retrying'
  if (mint?.problem === 'no_permission') return 'no_permission'
  if (mint?.problem === 'not_running' || mint?.problem === 'not_listed') return 'activating'
  return mint?.problem ? 'retrying' : 'preparing'
}

function statusOf({ returns, launchExpired }: Facts, numbers: readonly NumberProgress[]): SessionStatus {
  if (returns.some((one) => one.state === 'received')) return 'returned'
  if (numbers.length > 0) {
    const ended = numbers.every(({ state }) => state === 'connected' || state === 'rejected')
    if (!ended) return 'waiting'
    return numbers.some(({ state }) => state === 'connected') ? 'completed' : 'failed'
  }
  if (returns.some((one) => one.state === 'needs_review')) return 'needs_review'
  if (returns.length > 0) return 'declined'
  return launchExpired ? 'expired' : 'launched'
}

function stepsOf(status: SessionStatus, { returns, channels }: Facts): Step[] {
  const last = returns.at(-1)
  const came = returns.find((one) => one.state !== 'declined')?.receivedAt
  const checked = returns.find((one) => one.state === 'bound')?.closedAt
  const runs = channels.length > 0 && channels.every((channel) => channel.running)
  const keyAt = allOf(channels.map((channel) => channel.key.createdAt))
  const provenAt = allOf(
    channels.map((channel) => (channel.probe?.state === 'ok' ? channel.probe.doneAt : undefined)),
  )
  const reached: [StepName, boolean, Date | undefined][] = [
    ['permission', came !== undefined, came ?? last?.receivedAt],
    ['check', checked !== undefined && channels.length > 0, checked],
    ['activation', runs, undefined],
    ['key', keyAt !== undefined, keyAt],
    ['connected', status === 'completed', provenAt],
  ]
  const current = reached.findIndex(([, done]) => !done)
  const stopped = ['declined', 'failed', 'expired'].includes(status)
  return reached.map(([name, done, at], place) => ({
    name,
    state:
      done && (current < 0 || place < current)
        ? 'done'
        : place === current
          ? stopped
            ? 'stopped'
            : 'current'
          : 'todo',
    at: done ? at : undefined,
  }))
}

/** The latest of the times, if every one is there. */
function allOf(times: readonly (Date | undefined)[]): Date | undefined {
  const known = times.filter((time) => time !== undefined)
  if (known.length === 0 || known.length < times.length) return undefined
  return new Date(Math.max(...known.map((time) => time.getTime())))
}
