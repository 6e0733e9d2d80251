export type Turn = 'client' | '360dialog' | 'admin' | 'latchkey' | 'nobody'

/** A problem in words: whose turn it is, what happened, what to do. */
export interface ProblemWords {
  readonly turn: Turn
  readonly what: string
  readonly todo: string
}

const words: Readonly<Record<string, ProblemWords>> = {
  not_listed: {
    turn: 'client',
    what: '360dialog does not list this number for you.',
    todo: 'Ask the customer to grant it again at 360dialog.',
  },
  not_running: {
    turn: '360dialog',
    what: 'The number is not running yet at 360dialog.',
    todo: 'Nothing to do.',
  },
  never_sent: {
    turn: 'latchkey',
    what: '360dialog could not be reached, and no key was asked for.',
    todo: 'Nothing to do, if other numbers work. If they do not, look at the network of this server.',
  },
  refused: {
    turn: '360dialog',
    what: '360dialog refused the request.',
    todo: 'If it stays so for an hour, ask 360dialog support and name the channel id.',
  },
  no_permission: {
    turn: 'client',
    what: '360dialog says that you have no permission for this number.',
    todo: 'Ask the customer to grant it again with the connect link.',
  },
  upstream_failed: {
    turn: '360dialog',
    what: '360dialog did not answer as it should.',
    todo: 'Nothing to do. If it stays so for an hour, ask 360dialog support.',
  },
  answer_lost: {
    turn: 'latchkey',
    what: 'A key was asked for, and the answer was lost on the way.',
    todo: 'Nothing to do: Latchkey looks in the key records at 360dialog before it does anything else.',
  },
  another_key_appeared: {
    turn: 'admin',
    what: 'Somebody else has made a key for this number since Latchkey looked last.',
    todo: 'Find out who made it. Then decide: paste that key, or replace it.',
  },
  key_in_use: {
    turn: 'admin',
    what: 'The number has a key already that is not from here. A new key would end it.',
    todo: 'Find out who uses that key. Then decide: paste the key in use, or replace it.',
  },
  key_records_unreadable: {
    turn: 'admin',
    what: 'The key records at 360dialog cannot be read, so the number may have a key that is in use.',
    todo: 'Find out whether a key is in use. Then decide: paste it, or replace what is there.',
  },
  answer_unreadable: {
    turn: 'admin',
    what: 'A key was made, and the answer from 360dialog has a shape that is not known here. It is kept safe.',
    todo: 'After an update of Latchkey, press "Read it again". No new key is needed.',
  },
  answer_masked: {
    turn: 'admin',
    what: 'A key was made, and 360dialog answered with a hidden key. The answer is kept safe.',
    todo:
      'Ask 360dialog support how to get the full key, and name the channel id. Then decide: ' +
      'paste that key, or have another one made.',
  },
  answer_host_not_allowed: {
    turn: 'admin',
    what: 'A key was made for a messaging address that is not allowed here. The answer is kept safe.',
    todo: 'If the address is right, add its host to D360_MESSAGING_HOSTS, start again, and press "Read it again".',
  },
  another_number: {
    turn: 'admin',
    what: 'It belongs to another phone number than this channel has.',
    todo: 'Do not send with it. Ask 360dialog support, and name the channel id.',
  },
  key_rejected: {
    turn: 'admin',
    what: '360dialog rejects the stored key: somebody replaced it, or the permission was taken back.',
    todo: 'Find out which. To get a new key, ask the customer to open the connect link again.',
  },
  unreachable: {
    turn: 'latchkey',
    what: 'The messaging service of 360dialog could not be reached.',
    todo: 'Nothing to do, if other numbers work. If they do not, look at the network of this server.',
  },
  unexpected_answer: {
    turn: '360dialog',
    what: 'The messaging service of 360dialog gave an answer that is not known here.',
    todo: 'If it stays so for an hour, ask 360dialog support.',
  },
  internal: {
    turn: 'admin',
    what: 'Something in Latchkey itself failed.',
    todo: 'Look in the log for "channel task failed", and report it.',
  },
}

/** Every problem that has words. */
export const problems = Object.keys(words)

/** @param problem of a mint or of a channel task; a name that is new here is shown as it is */
export function wordsOf(problem: string): ProblemWords {
  if (Object.hasOwn(words, problem)) return words[problem] as ProblemWords
  return { turn: 'admin', what: `Something new happened: ${problem}.`, todo: 'Look in the log for it.' }
}
