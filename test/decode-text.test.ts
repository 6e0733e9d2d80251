import { describe, expect, it } from '@jest/globals'
import { decodeText, NotTextError } from '../src/decode-text.ts'

const text = 'channel;tenant\nc1;Müller 東京 🙂\n'
const utf8 = Buffer.from(text)
const utf16 = Buffer.from(text, 'utf16le')
const swapped = Buffer.from(utf16).swap16()

describe('decodeText', () => {
  it.each([
    ['UTF-8', utf8],
    ['UTF-8 with a mark', Buffer.from(`\uFEFF${text}`)],
    ['UTF-16 with a mark', Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['UTF-16 without a mark', utf16],
    ['UTF-16, big end first, with a mark', Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()],
    ['UTF-16, big end first, without a mark', swapped],
  ])('reads %s', (_, bytes) => {
    expect(decodeText(bytes)).toBe(text)
  })

  it.each([
    ['', ''],
    ['a', 'a'],
    ['\uFEFF', ''],
  ])('reads short texts: %j', (short, read) => {
    expect(decodeText(Buffer.from(short))).toBe(read)
  })

  it.each([
    ['Windows-1252', Buffer.from(text.replace('東京 🙂', ''), 'latin1'), ' (from line 2, column 5)'],
    ['the first letter broken', Buffer.from([0xe9, 0x61]), ' (from line 1, column 1)'],
    ['a letter cut off at the end', utf8.subarray(0, -2), ' (from line 2, column 14)'],
    ['half of a UTF-16 letter', utf16.subarray(0, -1), ''],
    ['a picture', Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 0x1a, 10]), ' (from line 1, column 1)'],
  ])('refuses %s, and says where', (_, bytes, place) => {
    expect(() => decodeText(bytes)).toThrow(new NotTextError(place))
  })
})
