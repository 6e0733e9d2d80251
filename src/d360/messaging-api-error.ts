import { LatchkeyError } from '../errors.ts'

export type MessagingFailure =
  /** 401 or 403: the key was replaced, or the permission removed. */
  | 'key_rejected'
  /** Another 3xx or 4xx, or an address that may not get the key. */
  | 'refused'
  /** No answer, or one that says "later": 429, 5xx. */
  | 'unreachable'
  /** 2xx, with a body that is not what was asked for. */
  | 'unexpected_answer'

/** A call with a channel's key failed. Never carries the request, its headers or a body. */
export class MessagingApiError extends LatchkeyError {
  readonly status = 502
  readonly failure: MessagingFailure
  readonly upstreamStatus: number | undefined

  constructor(failure: MessagingFailure, upstreamStatus?: number) {
    super(
      'upstream_unavailable',
      `360dialog messaging: ${failure}${upstreamStatus ? ` (${upstreamStatus})` : ''}`,
    )
    this.failure = failure
    this.upstreamStatus = upstreamStatus
  }
}
