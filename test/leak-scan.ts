/** A text that a person could read, and where: `log`, `cell mint.problem`, `GET /status/:id 200 body`. */
export interface Sighting {
  readonly place: string
  readonly text: string
}

export interface Secret {
  readonly kind: string
  readonly value: string
}

export interface Leak {
  readonly kind: string
  readonly place: string
}

/** The places where a kind of secret may be read in clear. A kind that is not here may be read nowhere. */
export type AllowedPlaces = Readonly<Record<string, readonly RegExp[]>>

/** Every kind of secret that was seen where it may not be; and where each allowed one was seen. */
export function judge(
  sightings: readonly Sighting[],
  secrets: readonly Secret[],
  allowed: AllowedPlaces,
): { readonly leaks: Leak[]; readonly used: Set<RegExp> } {
  const leaks = new Map<string, Leak>()
  const used = new Set<RegExp>()
  const searched = secrets.map((secret) => ({ ...secret, spellings: spellingsOf(secret.value) }))
  for (const { place, text } of sightings) {
    for (const { kind, spellings } of searched) {
      if (!spellings.some((spelling) => text.includes(spelling))) continue
      const permit = allowed[kind]?.find((pattern) => pattern.test(place))
      if (permit) used.add(permit)
      else leaks.set(`${kind} ${place}`, { kind, place })
    }
  }
  return { leaks: [...leaks.values()], used }
}

/** How a secret may look: as it is, percent-encoded, in JSON, in hex, and anywhere inside something in base64. */
export function spellingsOf(secret: string): string[] {
  const hex = Buffer.from(secret).toString('hex')
  const encoded = [0, 1, 2].flatMap((shift) =>
    ['base64', 'base64url'].map((way) => inside(secret, shift, way)),
  )
  const percent = encodeURIComponent(secret)
  const form = percent.replaceAll('%20', '+')
  return [...new Set([secret, percent, form, JSON.stringify(secret).slice(1, -1), hex, ...encoded])]
}

/** The characters that do not depend on what stands before and behind. */
function inside(secret: string, shift: number, encoding: string): string {
  const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)])
  const text = bytes.toString(encoding as 'base64')
  return text.slice(Math.ceil((shift * 8) / 6), Math.floor((bytes.length * 8) / 6))
}
