/** Is told what a document holds, in its order. `at` is the place of the bracket's byte in the document. */
export interface JsonListener {
  onOpen(isArray: boolean, at: number): void
  onClose(at: number): void
  /** Undefined when it is longer than 128 bytes, or stands deeper than texts are read. */
  onKey(key: string | undefined): void
  /** A text, number or word; undefined as above. */
  onValue(text: string | undefined): void
}

/** What came is no JSON, or is nested deeper than anything that 360dialog sends. */
export class NotJsonError extends Error {}

type Expected = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'next' | 'nothing'

const MOST_TEXT = 128
const MOST_DEPTH = 64
const [QUOTE, BACKSLASH, SPACE] = [0x22, 0x5c, 0x20]
const WORD = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/

/**
 * Reads JSON as it arrives and holds none of it, but for the one short text that it stands in: what others write to
 * each other may be in it, as large as it likes.
 */
export class JsonScanner {
  /** In how many brackets at most a text is read: where nobody listens, it takes half the time. */
  textDepth = MOST_DEPTH
  readonly #listener: JsonListener
  /** For each bracket that is open, whether it is an array's. */
  readonly #open: boolean[] = []
  readonly #text = Buffer.alloc(MOST_TEXT)
  #textLength = 0
  #token: 'key' | 'string' | 'word' | undefined
  #isEscaped = false
  #expected: Expected = 'value'
  #offset = 0

  constructor(listener: JsonListener) {
    this.#listener = listener
  }

  /** @throws NotJsonError */
  write(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#token === undefined) at = this.#readMark(chunk, at)
      else at = this.#token === 'word' ? this.#readWord(chunk, at) : this.#readString(chunk, at)
    }
    this.#offset += chunk.length
  }

  /** Nothing follows. @throws NotJsonError when something is missing */
  end(): void {
    if (this.#token === 'word') this.#endWord()
    if (this.#token !== undefined || this.#expected !== 'nothing') throw new NotJsonError()
  }

  #readMark(chunk: Uint8Array, at: number): number {
    const mark = chunk[at] ?? 0
    if (mark === QUOTE) this.#begin(this.#expectsKey() ? 'key' : 'string')
    else if (mark === 0x7b || mark === 0x5b) this.#openBracket(mark === 0x5b, this.#offset + at)
    else if (mark === 0x7d || mark === 0x5d) this.#closeBracket(mark === 0x5d, this.#offset + at)
    else if (mark === 0x3a) this.#expect('colon', 'value')
    else if (mark === 0x2c) this.#expect('next', this.#open.at(-1) ? 'value' : 'key')
    else if (mark > SPACE) {
      this.#begin('word')
      return at
    } else if (!isWhitespace(mark)) throw new NotJsonError()
    return at + 1
  }

  #readString(chunk: Uint8Array, from: number): number {
    let at = from
    let isEscaped = this.#isEscaped
    for (; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0
      if (byte < SPACE) throw new NotJsonError()
      if (isEscaped) isEscaped = false
      else if (byte === QUOTE) break
      else isEscaped = byte === BACKSLASH
    }
    this.#isEscaped = isEscaped
    this.#keep(chunk, from, at)
    if (at === chunk.length) return at
    this.#endString()
    return at + 1
  }

  #readWord(chunk: Uint8Array, from: number): number {
    let at = from
    while (at < chunk.length && isInWord(chunk[at] ?? 0)) at += 1
    this.#keep(chunk, from, at)
    if (at < chunk.length) this.#endWord()
    return at
  }

  #begin(token: 'key' | 'string' | 'word'): void {
    if (token === 'key') this.#expected = 'colon'
    else this.#beginValue()
    this.#token = token
    this.#textLength = 0
  }

  #endString(): void {
    const text = this.#decode()
    if (this.#token === 'key') this.#listener.onKey(text)
    else this.#listener.onValue(text)
    this.#token = undefined
  }

  #endWord(): void {
    const text = this.#textLength > MOST_TEXT ? '' : this.#text.toString('latin1', 0, this.#textLength)
    if (!WORD.test(text)) throw new NotJsonError()
    this.#listener.onValue(text)
    this.#token = undefined
  }

  #openBracket(isArray: boolean, at: number): void {
    this.#beginValue()
    if (this.#open.push(isArray) > MOST_DEPTH) throw new NotJsonError()
    this.#expected = isArray ? 'value or end' : 'key or end'
    this.#listener.onOpen(isArray, at)
  }

  #closeBracket(isArray: boolean, at: number): void {
    const isEnd = this.#expected === 'next' || this.#expected === (isArray ? 'value or end' : 'key or end')
    if (!isEnd || this.#open.pop() !== isArray) throw new NotJsonError()
    this.#expected = this.#open.length === 0 ? 'nothing' : 'next'
    this.#listener.onClose(at)
  }

  #beginValue(): void {
    if (this.#expected !== 'value' && this.#expected !== 'value or end') throw new NotJsonError()
    this.#expected = this.#open.length === 0 ? 'nothing' : 'next'
  }

  #expectsKey(): boolean {
    return this.#expected === 'key' || this.#expected === 'key or end'
  }

  #expect(expected: Expected, then: Expected): void {
    if (this.#expected !== expected) throw new NotJsonError()
    this.#expected = then
  }

  #keep(chunk: Uint8Array, from: number, to: number): void {
    const length = this.#textLength
    const isRead = this.#token === 'word' || this.#open.length <= this.textDepth
    this.#textLength = isRead ? length + to - from : MOST_TEXT + 1
    if (this.#textLength > MOST_TEXT) return
    for (let at = from; at < to; at += 1) this.#text[length + at - from] = chunk[at] ?? 0
  }

  #decode(): string | undefined {
    if (this.#textLength > MOST_TEXT) return undefined
    const text = this.#text.toString('utf8', 0, this.#textLength)
    if (!text.includes('\\')) return text
    try {
      return JSON.parse(`"${text}"`)
    } catch {
      throw new NotJsonError()
    }
  }
}

function isWhitespace(byte: number): boolean {
  return byte === SPACE || byte === 0x09 || byte === 0x0a || byte === 0x0d
}

/** Letters, digits, `+`, `-` and `.`: what a number, `true`, `false` or `null` is written with. */
function isInWord(byte: number): boolean {
  const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a
  return isLetter || (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e
}
