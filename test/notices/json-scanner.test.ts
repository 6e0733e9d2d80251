import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type JsonListener, JsonScanner, NotJsonError } from '../../src/notices/json-scanner.ts'

const MOST_TEXT = 128
const silent: JsonListener = { onOpen: () => {}, onClose: () => {}, onKey: () => {}, onValue: () => {} }

/** Scans a text in pieces of this many bytes, and answers what was told, in order. */
function scan(text: string | Buffer, size = 7): string[] {
  const told: string[] = []
  const scanner = new JsonScanner({
    onOpen: (isArray) => told.push(isArray ? '[' : '{'),
    onClose: () => told.push('end'),
    onKey: (key) => told.push(`key ${key}`),
    onValue: (value) => told.push(`value ${value}`),
  })
  const bytes = Buffer.from(text as string)
  for (let at = 0; at < bytes.length; at += size) scanner.write(bytes.subarray(at, at + size))
  scanner.end()
  return told
}

/** What the scanner should tell of a value, as JSON.parse reads it. */
function tell(value: unknown): string[] {
  const short = (text: string) => {
    const written = JSON.stringify(text).slice(1, -1)
    return Buffer.byteLength(written) > MOST_TEXT ? undefined : text
  }
  if (typeof value === 'string') return [`value ${short(value)}`]
  if (typeof value !== 'object' || value === null) return [`value ${JSON.stringify(value)}`]
  if (Array.isArray(value)) return ['[', ...value.flatMap(tell), 'end']
  return ['{', ...Object.entries(value).flatMap(([key, one]) => [`key ${short(key)}`, ...tell(one)]), 'end']
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function isScanned(text: string): boolean {
  try {
    scan(text, 3)
    return true
  } catch (error) {
    if (error instanceof NotJsonError) return false
    throw error
  }
}

describe('a JSON document', () => {
  it('is told as JSON.parse reads it, wherever it is cut', () => {
    const documents = fc.json({ maxDepth: 6, noUnicodeString: false } as object)
    fc.assert(
      fc.property(documents, fc.integer({ min: 1, max: 20 }), fc.boolean(), (text, size, isSpread) => {
        const value: unknown = JSON.parse(text)
        expect(scan(isSpread ? JSON.stringify(value, null, 2) : text, size)).toEqual(tell(value))
      }),
    )
  })

  it('is taken only when JSON.parse takes it', () => {
    const marks = fc.constantFrom(
      ...'{}[],:" \\'.split(''),
      'a',
      '1',
      '-',
      '.',
      'e',
      'true',
      'null',
      '\n',
      '\u0001',
    )
    fc.assert(
      fc.property(fc.array(marks, { maxLength: 12 }), (parts) => {
        const text = parts.join('')
        expect([text, isScanned(text)]).toEqual([text, isJson(text)])
      }),
      { numRuns: 5_000 },
    )
  })

  it.each([
    '{"a":1,}',
    '[1,]',
    '{"a" 1}',
    '{1:2}',
    '[1 2]',
    '{"a":1}}',
    '"\t"',
    '01',
    '+1',
    '1.',
    'tru',
    'NaN',
    '\uFEFF{}',
    '',
  ])('is none: %j', (text) => {
    expect(isScanned(text)).toBe(false)
  })

  it('has its escapes read, in a name too', () => {
    expect(scan('{"\\u0065vent":"a\\"b\\\\\\n\\u00e4"}')).toEqual(['{', 'key event', 'value a"b\\\nä', 'end'])
    expect(() => scan('["\\x"]')).toThrow(NotJsonError)
  })

  it('has long texts counted and not told', () => {
    expect(scan(`["${'x'.repeat(MOST_TEXT)}","${'x'.repeat(MOST_TEXT + 1)}"]`)).toEqual([
      '[',
      `value ${'x'.repeat(MOST_TEXT)}`,
      'value undefined',
      'end',
    ])
  })

  it('is not followed deeper than 64 brackets', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect(isScanned(nested(64))).toBe(true)
    expect(isScanned(nested(65))).toBe(false)
  })

  it('is read in time that grows with its length only', () => {
    const timeOf = (bytes: number) => {
      const chunk = Buffer.from(`"${'\\"x{'.repeat(4_096)}",`)
      const scanner = new JsonScanner(silent)
      const began = performance.now()
      scanner.write(Buffer.from('['))
      for (let written = 0; written < bytes; written += chunk.length) scanner.write(chunk)
      return performance.now() - began
    }
    timeOf(1_000_000)
    expect(timeOf(16_000_000) / timeOf(4_000_000)).toBeLessThan(10)
  })
})
