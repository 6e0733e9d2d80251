/** What varies, by name, with the values that it takes. */
export type Factors = Readonly<Record<string, readonly unknown[]>>
/** One value for each factor. */
export type Combination = Readonly<Record<string, unknown>>

/**
 * Combinations in which every two values of different factors meet at least once; those that `given` has shown are
 * not looked for again. The same factors always lead to the same combinations, the most telling ones first.
 */
export function coverPairs(factors: Factors, given: readonly Combination[] = []): Combination[] {
  const open = new Set(pairsOf(factors))
  for (const combination of given) cover(open, combination)
  const combinations: Combination[] = []
  while (open.size > 0) {
    const combination = combine(factors, open)
    cover(open, combination)
    combinations.push(combination)
  }
  return combinations
}

/** Every pair of values of two factors. */
export function pairsOf(factors: Factors): string[] {
  const all = Object.entries(factors)
  return all.flatMap(([one, values], place) =>
    all
      .slice(place + 1)
      .flatMap(([other, others]) => values.flatMap((a) => others.map((b) => pairOf(one, a, other, b)))),
  )
}

/** Begins with a pair that has not been met, and takes for each further factor, the largest first, what meets most. */
function combine(factors: Factors, open: ReadonlySet<string>): Combination {
  const [first = ''] = open
  const [[one, a], [other, b]] = JSON.parse(first)
  const chosen: Record<string, unknown> = { [one]: a, [other]: b }
  const bySize = Object.entries(factors).sort(([, some], [, others]) => others.length - some.length)
  for (const [name, values] of bySize) {
    if (name in chosen) continue
    const gains = values.map((value) => ({ value, gain: gainOf(name, value, chosen, open) }))
    chosen[name] = gains.reduce((best, next) => (next.gain > best.gain ? next : best)).value
  }
  return chosen
}

function gainOf(name: string, value: unknown, chosen: Combination, open: ReadonlySet<string>): number {
  return Object.entries(chosen).filter(([other, b]) => open.has(pairOf(name, value, other, b))).length
}

function cover(open: Set<string>, combination: Combination): void {
  const all = Object.entries(combination)
  for (const [place, [one, a]] of all.entries())
    for (const [other, b] of all.slice(place + 1)) open.delete(pairOf(one, a, other, b))
}

/** The same whichever is named first. */
function pairOf(one: string, a: unknown, other: string, b: unknown): string {
  const pair = [
    [one, a],
    [other, b],
  ]
  return JSON.stringify(one < other ? pair : pair.reverse())
}
