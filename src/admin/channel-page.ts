import type { ChannelState, OpenMint, TaskState } from '../channels/channel-repository.ts'
import type { Mint } from '../keys/mint-repository.ts'
import { adminChannelTryPath } from '../paths.ts'
import type { Observation } from '../permissions/permission.ts'
import type { ChannelFile, Try } from './channel-desk.ts'
import { toChannelRow } from './channel-row.ts'
import { isKeptAnswer } from './decision-section.ts'
import { toHistory } from './history.ts'
import { findMoment, toMoment } from './moment.ts'
import { wordsOf } from './problem-words.ts'
import { mintBadges, reasonWords, saysWords, sourceWords, taskBadges } from './state-words.ts'
import { sentenceOf, wordsOfMint } from './turn.ts'

/** Everything that the page of one channel shows; never a key, nor anything sealed. */
export function toChannelPage(file: ChannelFile, now: Date) {
  const { channel, observations, mints } = file
  return {
    row: toChannelRow(channel, now),
    facts: toFacts(channel, now),
    keyCreated: findMoment(channel.key.createdAt, now),
    tryPath: adminChannelTryPath(channel.id),
    mint: channel.mint && toOpenMint(channel.mint, now),
    tasks: [
      toTask('probe', 'Probe: does the key work?', channel.probe, now),
      toTask('webhook', 'Messaging webhook', channel.webhook, now),
    ],
    observations: observations.toReversed().map((one) => toObservationRow(one, now)),
    mints: mints.map((mint) => toMintRow(mint, now)),
    history: toHistory(file, now),
  }
}

function toFacts(channel: ChannelState, now: Date) {
  const { id, clientId, clientName, tenantId, tenantName, rawStatus, status } = channel
  return {
    id,
    clientId,
    clientName,
    tenantId,
    tenantName,
    bound: findMoment(channel.boundAt, now),
    status: status.replaceAll('_', ' '),
    rawStatus,
    observed: toMoment(channel.observedAt, now),
  }
}

function toOpenMint(mint: OpenMint, now: Date) {
  const words = wordsOfMint(mint)
  return {
    state: mintBadges[mint.state],
    problem: words && sentenceOf(words, undefined),
    upstreamStatus: mint.upstreamStatus,
    requested: toMoment(mint.requestedAt, now),
    next: findMoment(mint.dueAt, now),
    button: buttonOf(mint),
  }
}

/** What the admin can have looked at now: what waits, or an answer that is kept and was not read. */
function buttonOf(mint: OpenMint): { what: Try; label: string } | undefined {
  if (mint.state === 'waiting' || mint.state === 'unknown') return { what: 'mint', label: 'Try now' }
  return isKeptAnswer(mint) ? { what: 'answer', label: 'Read it again' } : undefined
}

function toTask(what: Try, title: string, task: TaskState | undefined, now: Date) {
  const words = task?.problem === undefined ? undefined : wordsOf(task.problem)
  return {
    what,
    title,
    state: task && taskBadges[task.state],
    problem: words && sentenceOf(words, undefined),
    done: findMoment(task?.doneAt, now),
    next: findMoment(task?.dueAt, now),
  }
}

function toObservationRow({ says, source, observedAt }: Observation, now: Date) {
  return { what: saysWords[says], source: sourceWords[source], at: toMoment(observedAt, now) }
}

function toMintRow(mint: Mint, now: Date) {
  return {
    version: mint.version,
    state: mintBadges[mint.state],
    problem: mint.problem && wordsOf(mint.problem).what,
    upstreamStatus: mint.upstreamStatus,
    askedBy: mint.askedBy,
    why: reasonWords[mint.reason],
    requested: toMoment(mint.requestedAt, now),
    sent: findMoment(mint.sentAt, now),
    closed: findMoment(mint.closedAt, now),
    attempts: mint.attempts,
  }
}
