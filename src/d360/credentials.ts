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
  expires_in: z.number().positive().optional().catch(undefined),
})

interface Token {
  readonly headers: Headers
  readonly renewAt: number
}

/** The deprecated login by name and password: one token for all calls, renewed before it expires. */
export class BearerCredentials implements Credentials {
  readonly #login: (priority: Priority) => Promise<string>
  readonly #clock: Clock
  #token: Promise<Token> | undefined
  #current: Headers | undefined

  /** `login` asks for a token and resolves to the body of the 2xx answer, or rejects with PartnerApiError. */
  constructor(login: (priority: Priority) => Promise<string>, clock: Clock) {
    this.#login = login
    this.#clock = clock
  }

  /** @throws PartnerApiError `refused` or `never_sent`: the call that needs the token was surely not made */
  async headers(priority: Priority): Promise<Headers> {
    const { headers, renewAt } = await (this.#token ?? this.#start(priority))
    if (this.#clock.now().getTime() < renewAt) return headers
    this.renew(headers)
    const renewed = await (this.#token ?? this.#start(priority))
    return renewed.headers
  }

  // Of several calls that met one dead token only the first drops it; the others find its successor.
  renew(rejected: Headers): boolean {
    if (rejected === this.#current) this.#forget()
    return true
  }

  #start(priority: Priority): Promise<Token> {
    const token = this.#request(priority)
    this.#token = token
    token.catch(() => this.#forget())
    return token
  }

  async #request(priority: Priority): Promise<Token> {
    const body = await this.#login(priority).catch(rethrowAsNotCalled)
    const { access_token: token, expires_in: seconds = Number.POSITIVE_INFINITY } = readToken(body)
    this.#current = { authorization: `Bearer ${token}` }
    return { headers: this.#current, renewAt: this.#clock.now().getTime() + seconds * 900 }
  }

  #forget(): void {
    this.#token = undefined
    this.#current = undefined
  }
}

function readToken(body: string): z.infer<typeof tokenAnswer> {
  try {
    return tokenAnswer.parse(JSON.parse(body))
  } catch {
    throw new PartnerApiError('never_sent')
  }
}

// However a login fails, the call that needed it did not happen.
function rethrowAsNotCalled(error: unknown): never {
  if (!(error instanceof PartnerApiError) || error.failure === 'refused') throw error
  throw new PartnerApiError('never_sent', error.upstreamStatus)
}
