/** The closed list of `code` values that the product API answers with (README, "Product API"). */
export type ErrorCode =
  | 'invalid_request'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'unknown_channel'
  | 'unknown_session'
  | 'no_key'
  | 'key_rejected'
  | 'version_conflict'
  | 'rate_limited'
  | 'upstream_unavailable'
  | 'unavailable'
  | 'internal'

/** What a failure page tells of. */
export type FailureKind =
  | 'unreadable'
  /** A return that cannot be read, and is kept as it came. */
  | 'unreadable_return'
  | 'forbidden'
  | 'not_found'
  | 'too_many'
  | 'busy'
  | 'upstream'
  | 'bug'
  /** The database or the vault cannot be used now. */
  | 'out_of_order'
  | 'link_unknown'
  | 'link_expired'
  | 'link_used_up'
  /** A return that belongs to no launch. */
  | 'no_launch'
  | 'question_unknown'
  | 'question_expired'

/** A page that told somebody of a failure. */
export interface Failure {
  readonly what: FailureKind
  /** What the page tells to quote. */
  readonly code: string
  /** The route's pattern; undefined: an address that this site does not have. */
  readonly route: string | undefined
  readonly status: number
  /** Whose session it was, if that is known. */
  readonly sessionId: string | undefined
  /** From where it was asked for, to count by: it is stored nowhere. */
  readonly network: string
}

/** A failure with an HTTP status, a stable code and a message that is meant for the visitor. */
export abstract class LatchkeyError extends Error {
  abstract readonly status: number
  readonly code: ErrorCode
  /** Members that the product API adds to its problem document. */
  readonly details: Readonly<Record<string, string | number | null>>

  constructor(
    code: ErrorCode,
    message: string,
    details: Readonly<Record<string, string | number | null>> = {},
  ) {
    super(message)
    this.name = new.target.name
    this.code = code
    this.details = details
  }
}

/** A link, form or body cannot be used. */
export class InvalidInputError extends LatchkeyError {
  readonly status: number
  constructor(message: string, status = 422) {
    super('invalid_request', message)
    this.status = status
  }
}

/** No valid session, token or signature. */
export class UnauthenticatedError extends LatchkeyError {
  readonly status = 401
  constructor(message: string) {
    super('unauthenticated', message)
  }
}

/** Signed in, but not allowed; or a form that another site sent. */
export class ForbiddenError extends LatchkeyError {
  readonly status = 403
  constructor(message: string) {
    super('forbidden', message)
  }
}

/** What was asked for is not here. */
export class NotFoundError extends LatchkeyError {
  readonly status = 404
  constructor(
    code: 'not_found' | 'unknown_channel' | 'unknown_session' | 'no_key' = 'not_found',
    message = 'There is nothing at this address.',
    details: Readonly<Record<string, string | number | null>> = {},
  ) {
    super(code, message, details)
  }
}

/** Already done, or not possible in the present state. */
export class ConflictError extends LatchkeyError {
  readonly status = 409
  constructor(code: 'key_rejected' | 'version_conflict', message: string) {
    super(code, message)
  }
}

/** Too many requests from one address. */
export class RateLimitedError extends LatchkeyError {
  readonly status = 429
  constructor() {
    super('rate_limited', 'Too many requests from your address. Wait a minute, then try again.')
  }
}

/** More at once than can be served; it works in a minute. */
export class BusyError extends LatchkeyError {
  readonly status = 503
  constructor() {
    super('unavailable', 'Too many at once. Wait a minute, then try again.')
  }
}

/** What was asked for is here, but cannot be answered as this site is set up now. */
export class UnavailableError extends LatchkeyError {
  readonly status = 503
  constructor(message: string) {
    super('unavailable', message)
  }
}

/** How a call to 360dialog ended badly. */
export type UpstreamFailure =
  /** 4xx: 360dialog answered and did not act. */
  | 'refused'
  /** The connection was never made: nothing was sent. */
  | 'never_sent'
  /** 5xx, timeout, connection lost after sending: it may have acted. */
  | 'unknown'
  /** 2xx, with a body whose shape we do not know. */
  | 'unexpected_answer'

/** How asking 360dialog failed, as it is written down beside what waits for it. */
export type UpstreamProblem = 'credentials_refused' | 'refused' | 'unexpected_answer' | 'upstream_failed'

/** 360dialog refused, failed or answered nonsense. Never carries the request, its headers or a body. */
export class PartnerApiError extends LatchkeyError {
  readonly status = 502
  readonly failure: UpstreamFailure
  readonly upstreamStatus: number | undefined

  constructor(failure: UpstreamFailure, upstreamStatus?: number) {
    super('upstream_unavailable', `360dialog: ${failure}${upstreamStatus ? ` (${upstreamStatus})` : ''}`)
    this.failure = failure
    this.upstreamStatus = upstreamStatus
  }

  /** It is about who asks, not about what was asked: a 401, or a login that was answered and failed. */
  get refusesCredentials(): boolean {
    const { failure, upstreamStatus: status = 0 } = this
    return status === 401 || (failure === 'never_sent' && status >= 400 && status <= 500 && status !== 429)
  }

  get problem(): UpstreamProblem {
    if (this.refusesCredentials) return 'credentials_refused'
    if (this.failure === 'unexpected_answer') return this.failure
    return this.failure === 'refused' && this.upstreamStatus !== 429 ? 'refused' : 'upstream_failed'
  }
}

/** A mail did not leave. Carries neither the mail, nor the server's words, nor its address with the password. */
export class MailError extends Error {
  /** Such as `EAUTH` or `ECONNECTION`. */
  readonly code: string
  /** What the server answered, if it did. */
  readonly status: number | undefined
  /** The server said that it never will, such as for an address that does not exist. */
  readonly isFinal: boolean

  constructor(code: string, status: number | undefined, isFinal: boolean) {
    super(`the mail was not sent: ${code}`)
    this.code = code
    this.status = status
    this.isFinal = isFinal
  }
}

/** The site does not start, for a reason that the operator can mend. The message says how. */
export class StartError extends Error {}
