import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { PartnerApiError } from '../errors.ts'
import type { Priority } from './rate-limiter.ts'

export type Headers = Readonly<Record<string, string>>

/** What proves to the Partner API who calls (docs/360dialog.md 5). */
export interface Credentials {
  headers(priority: Priority): Promise<Headers>
  /** Told when 360dialog answered 401 to these headers; false when there is nothing newer to try. */
  renew(rejected: Headers): boolean
}

const tokenAnswer = z.object({
  access_token: z.string().min(1),
  expires_in: z.number().positive().catch(Number.POSITIVE_INFINITY),
})

/** The deprecated login by name and password: one token for all calls, renewed before it expires. */
export class BearerCredentials implements Credentials {
  readonly #login: (priority: Priority) => Promise<string>
  readonly #clock: Clock
  #token: Promise<Headers> | undefined
  #current: Headers | undefined
  #renewAt = Number.POSITIVE_INFINITY

  /** `login` asks for a token and resolves to the body of the 2xx answer, or rejects with PartnerApiError. */
  constructor(login: (priority: Priority) => Promise<string>, clock: Clock) {
    this.#login = login
    this.#clock = clock
  }

  /** @throws PartnerApiError `never_sent`, with what the login answered: the call that needs the token was not made */
  headers(priority: Priority): Promise<Headers> {
    if (this.#clock.now().getTime() >= this.#renewAt) this.#forget()
    this.#token ??= this.#request(priority)
    return this.#token
  }

  // Of several calls that met one dead token only the first drops it; the others find its successor.
  renew(rejected: Headers): boolean {
    if (rejected === this.#current) this.#forget()
    return true
  }

  async #request(priority: Priority): Promise<Headers> {
    try {
      const { access_token: token, expires_in: seconds } = readToken(await this.#login(priority))
      this.#renewAt = this.#clock.now().getTime() + seconds * 900
      this.#current = { authorization: `Bearer ${token}` }
      return this.#current
    } catch (error) {
      this.#forget()
      if (!(error instanceof PartnerApiError)) throw error
      // However a login fails, the call that needed it did not happen.
      throw new PartnerApiError('never_sent', error.upstreamStatus)
    }
  }

  #forget(): void {
    this.#token = undefined
    this.#current = undefined
    this.#renewAt = Number.POSITIVE_INFINITY
  }
}

function readToken(body: string): z.infer<typeof tokenAnswer> {
  try {
    return tokenAnswer.parse(JSON.parse(body))
  } catch {
    throw new PartnerApiError('unexpected_answer')
  }
}
