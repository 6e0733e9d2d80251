import { ConflictError } from './errors.ts'
import { hashOf } from './identifiers.ts'

/** What a form carries of the facts that its page showed, plain JSON in named parts: the SHA-256 of each part. */
export function shownOf(facts: object): string {
  return hashesOf(facts).join('.')
}

/**
 * Refuses a decision about facts that are not those any more, and says which part has changed.
 *
 * @throws ConflictError when `shown` is not what `shownOf` says now; a missing or forged one never is
 */
export function requireShown<Part extends string>(
  facts: Readonly<Record<Part, unknown>>,
  shown: string,
  words: Readonly<Record<Part, string>>,
): void {
  const then = shown.split('.')
  const names = Object.keys(facts) as Part[]
  const changed = names.filter((_, place) => hashesOf(facts)[place] !== then[place])
  if (changed.length === 0 && then.length === names.length) return
  // Every part: that is no earlier page of this, so what changed cannot be told.
  const what = changed.length < names.length ? `: ${changed.map((name) => words[name]).join(', ')}` : ''
  throw new ConflictError(
    'version_conflict',
    `This changed meanwhile${what}. Nothing was changed: look at it again, then decide.`,
  )
}

function hashesOf(facts: object): string[] {
  return Object.values(facts).map((part) => hashOf(JSON.stringify(part ?? null)))
}
