/** Straight ones, and those that word processors and chats put in their place. */
const PAIRS: readonly (readonly [open: string, close: string])[] = [
  ...(['""', "''", '``'] as const),
  ...(['“”', '„“', '„”', '””', '‘’', '‚‘', '‚’', '’’', '«»', '»«', '‹›', '›‹'] as const),
].map(([open = '', close = '']) => [open, close])

/**
 * A value as it was meant: without the quotes around it, which Docker's `--env-file`, YAML lists and shells hand on,
 * and without blanks around it. Two values in quotes each are both freed. A quote at one end only is left alone.
 */
export function withoutQuotes(text: string): string {
  const value = text.trim()
  const pair = PAIRS.find(
    ([open, close]) => value.length > 1 && value.startsWith(open) && value.endsWith(close),
  )
  if (!pair) return value
  const inside = value.slice(1, -1)
  // A shell's way to write a quote inside of quotes.
  const meant = pair[0] === '"' ? inside.replaceAll('\\"', '"') : inside
  if (!inside.replaceAll('\\"', '').includes(pair[1]) || /^\s*[{[]/.test(meant)) return withoutQuotes(meant)
  const parts = value.split(/(?<=["'])\s+(?=["'])/)
  return parts.length > 1 && parts.every(isQuoted) ? parts.map(withoutQuotes).join(' ') : value
}

function isQuoted(text: string): boolean {
  return /^("[^"]*"|'[^']*')$/.test(text)
}

/** The environment without quotes around its values, and the names of those that had some. */
export function takeQuotesOff(environment: NodeJS.ProcessEnv) {
  const unquoted: string[] = []
  const entries = Object.entries(environment).map(([name, value = '']) => {
    const meant = withoutQuotes(value)
    if (meant && meant !== value.trim()) unquoted.push(name)
    return [name, meant] as const
  })
  return { environment: Object.fromEntries(entries) as NodeJS.ProcessEnv, unquoted }
}
