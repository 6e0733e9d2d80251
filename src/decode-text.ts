/** Bytes are no text: they are broken, or in a letter code that cannot be told. */
export class NotTextError extends Error {
  /** What it is not, and from where on: `text in UTF-8 or UTF-16 (from line 3, column 2)`. */
  readonly where: string

  constructor(from: string) {
    super(`is not ${TEXT}${from}`)
    this.where = `${TEXT}${from}`
  }
}

const TEXT = 'text in UTF-8 or UTF-16'

/**
 * A text file as programs save it: UTF-8 or UTF-16 in either order of bytes, with a byte order mark or without.
 *
 * @throws NotTextError
 */
export function decodeText(bytes: Uint8Array): string {
  const encoding = encodingOf(bytes)
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    throw new NotTextError(encoding === 'utf-8' ? firstBroken(bytes) : '')
  }
}

/** Without a mark, UTF-16 shows by the empty half of its first letter: no text begins with a NUL. */
function encodingOf([first, second]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if ((first === 0xff && second === 0xfe) || (first && second === 0)) return 'utf-16le'
  if ((first === 0xfe && second === 0xff) || (first === 0 && second)) return 'utf-16be'
  return 'utf-8'
}

function firstBroken(bytes: Uint8Array): string {
  const [before = ''] = new TextDecoder().decode(bytes).split('\uFFFD', 1)
  const lines = before.split(/\r\n|\r|\n/)
  return ` (from line ${lines.length}, column ${[...(lines.at(-1) ?? '')].length + 1})`
}
