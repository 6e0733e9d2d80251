const ID = /^[A-Za-z0-9_-]{1,64}$/
/** What a program writes for a value that it does not have. */
const NOTHING: ReadonlySet<string> = new Set(['undefined', 'null', 'NaN', 'none', 'false', 'true'])
const LIKE_A_LIST = /[[\](),]/
/** How 360dialog ends its ids, most of them (docs/360dialog.md 1). */
const CLIENT_ENDING = /CL$/
const CHANNEL_ENDING = /CH$/

/** One parameter's ids. */
interface IdList {
  readonly ids: readonly string[]
  readonly isInBrackets: boolean
}

/** One list in every spelling: `[a,b]`, `["a"]`, `(a, b)`, `a`. Undefined when it holds anything that is no id. */
export function readIds(value: string | undefined): IdList | undefined {
  if (value === undefined) return undefined
  const plain = stripQuotes(value)
  if (NOTHING.has(plain)) return { ids: [], isInBrackets: false }
  const inner = stripBrackets(plain)
  const ids = inner.split(',').map(stripQuotes).filter(Boolean)
  return ids.every((id) => ID.test(id)) ? { ids, isInBrackets: inner !== plain } : undefined
}

/**
 * What was granted: the ids of all parameters. One without brackets that is no list of ids, or none of channels, was
 * written by somebody else where another is a list. Undefined when it cannot be read.
 */
export function readGrants(values: readonly (string | undefined)[]): string[] | undefined {
  const lists = values.map(readIds).filter((list) => list !== undefined)
  const isCertain = lists.some(({ ids, isInBrackets }) => isInBrackets && ids.length > 0)
  // What cannot be read may have been granted, unless it does not even look like a list beside one that does.
  const unread = values.filter((value) => !readIds(value))
  if (unread.some((value) => !isCertain || value === undefined || LIKE_A_LIST.test(value))) return undefined
  const areKnown = lists.some(({ ids }) => ids.some((id) => CHANNEL_ENDING.test(id)))
  const isForeign = ({ ids, isInBrackets }: IdList) =>
    areKnown && !isInBrackets && !ids.some((id) => CHANNEL_ENDING.test(id))
  return unique(lists.filter((list) => !isForeign(list)).flatMap(({ ids }) => ids))
}

/** A strange one never blocks a grant; alone it cannot be read. */
export function readRevocations(
  values: readonly (string | undefined)[],
  granted: readonly string[],
): string[] | undefined {
  const lists = values.map(readIds)
  if (granted.length === 0 && lists.includes(undefined)) return undefined
  return unique(lists.flatMap((list) => list?.ids ?? []))
}

/**
 * Of several clients the one that 360dialog writes: by its ending, or made of the same kinds of characters as the
 * channels. Undefined when that is not certain.
 */
export function chooseClient(named: readonly string[], channelIds: readonly string[]): string | undefined {
  const candidates = unique(named)
  const withEnding = candidates.filter((id) => CLIENT_ENDING.test(id))
  const kinds = new Set(channelIds.map(kindOf))
  const ofKind = withEnding.length > 0 ? withEnding : candidates.filter((id) => kinds.has(kindOf(id)))
  const [only, another] = candidates.length === 1 ? candidates : ofKind
  return another === undefined ? only : undefined
}

/** Which of letters, digits and marks an id is made of. */
function kindOf(id: string): string {
  return [/[A-Za-z]/, /\d/, /-/, /_/].map((kind) => (kind.test(id) ? 1 : 0)).join('')
}

function stripBrackets(value: string): string {
  const [first, last] = [value.at(0), value.at(-1)]
  const wrapped = (first === '[' && last === ']') || (first === '(' && last === ')')
  return wrapped ? value.slice(1, -1) : value
}

/** Without the quotes and spaces around it. Counted, since an expression for the end would look from every start. */
function stripQuotes(value: string): string {
  let [start, end] = [0, value.length]
  while (start < end && isQuoteOrBlank(value.charAt(start))) start += 1
  while (end > start && isQuoteOrBlank(value.charAt(end - 1))) end -= 1
  return value.slice(start, end)
}

function isQuoteOrBlank(letter: string): boolean {
  return letter === '"' || letter === "'" || letter.trim() === ''
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}
