import { createHmac, timingSafeEqual } from 'node:crypto'
import { derivedSecret, hashOf, newSecret } from '../identifiers.ts'
import { paths } from '../paths.ts'

/** Whether the site takes visitors for who they are. */
export type Sight =
  | 'right'
  /** It believed an address that the visitor made up. */
  | 'too_many'
  /** It takes a proxy for the visitor. */
  | 'too_few'
  /** The proxy does not say who visits. */
  | 'not_told'

/** What a request through PUBLIC_URL brought. */
export type Reach = Sight | 'stranger' | { readonly unreachable: string }

export const REACH_HEADER = 'x-latchkey-reach'
/** Of a network for documentation: nobody's. */
export const MADE_UP_ADDRESS = '198.51.100.77'
const WITHIN_MS = 5_000

/** Asks the site at PUBLIC_URL whether it is this one, as a visitor who lies about its address. */
export async function askThroughPublicUrl(publicUrl: URL, secret: string): Promise<Reach> {
  const question = newSecret()
  const headers = {
    [REACH_HEADER]: `${question}.${prove(secret, question)}`,
    'x-forwarded-for': MADE_UP_ADDRESS,
  }
  const signal = AbortSignal.timeout(WITHIN_MS)
  try {
    const answer = await fetch(new URL(paths.healthz, publicUrl), { headers, signal, redirect: 'manual' })
    return readAnswer(await answer.text(), secret, question)
  } catch (error) {
    return { unreachable: codeOf(error) }
  }
}

/** What to answer to a question that was asked with one of our secrets; undefined to anybody else's. */
export function answerReach(
  header: string | undefined,
  secrets: readonly string[],
  sight: Sight,
): { reach: Sight; proof: string } | undefined {
  const [question = '', proof = ''] = (header ?? '').split('.')
  const secret = secrets.find((one) => isSame(proof, prove(one, question)))
  return secret === undefined ? undefined : { reach: sight, proof: prove(secret, `${question} ${sight}`) }
}

const sights: readonly string[] = ['right', 'too_many', 'too_few', 'not_told'] satisfies Sight[]

function readAnswer(body: string, secret: string, question: string): Reach {
  const { reach, proof } = parse(body)
  const isOurs =
    sights.includes(String(reach)) && isSame(String(proof), prove(secret, `${question} ${reach}`))
  return isOurs ? (reach as Sight) : 'stranger'
}

function parse(body: string): { reach?: unknown; proof?: unknown } {
  try {
    return JSON.parse(body) ?? {}
  } catch {
    return {}
  }
}

function prove(secret: string, text: string): string {
  return createHmac('sha256', derivedSecret(secret, 'reach')).update(text).digest('base64url')
}

function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(Buffer.from(hashOf(given)), Buffer.from(hashOf(expected)))
}

/** The system's short word: the message may repeat the address. */
function codeOf(error: unknown): string {
  const { cause, name } = error as { cause?: { code?: unknown }; name?: string }
  return typeof cause?.code === 'string' ? cause.code : (name ?? 'unknown')
}
