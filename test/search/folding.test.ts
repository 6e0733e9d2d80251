import { describe, expect, it } from '@jest/globals'
import { compactOf, wordsOf } from '../../src/search/folding.ts'

describe('a text is folded', () => {
  it.each([
    ['MÜLLER Ärzte GmbH', 'muller arzte gmbh'],
    ['Mueller Aerzte', 'muller arzte'],
    ['mu\u0308ller', 'muller'],
    ['Straße', 'strasse'],
    ['STRAẞE', 'strasse'],
    ['Łódź', 'lodz'],
    ['Ørsted & Søn', 'orsted son'],
    ['Æbleskiver', 'ableskiver'],
    ['Œuvre', 'ouvre'],
    ['İstanbul ILICA', 'istanbul ilica'],
    ['ılıca', 'ilica'],
    ['Đorđević Þór Ð', 'dordevic thor d'],
    ['Điện Ơ', 'dien o'],
    ['ﬁne Ǆ', 'fine dz'],
    ['Ｓｈｏｐ １２３', 'shop 123'],
    ['ΟΔΟΣ', 'οδοσ'],
    ['οδός', 'οδοσ'],
    ['Йод', 'иод'],
    ['مقهى الزهرة', 'مقهى الزهرة'],
    ['٠٣٠ ۱۲۳ १२३', '030 123 123'],
    ['कॉफ़ी की', 'कॉफ़ी की'],
    ['株式会社ミュラー', '株式会社ミュラー'],
    ['ｶﾞﾗｽ', 'ガラス'],
    ['한국 카페', '한국 카페'],
    ["O'Brien’s", 'o brien s'],
    ['\u202eMül\u00adler\u200b\u2066\ufeff\ufe0f', 'muller'],
    ['A\u00a0B\u3000C\tD\nE', 'a b c d e'],
    ['100%_\\*[x]', '100 x'],
    ['a\0b', 'a b'],
    ['\ud800x\udfff', 'x'],
    ['☕️ 👩‍👩‍👧', ''],
    ['\u0301\u0302\u064b', ''],
    ['', ''],
  ])('%j into the words %j', (text, words) => {
    expect(wordsOf(text.normalize('NFC')).join(' ')).toBe(words.normalize('NFC'))
    expect(wordsOf(text.normalize('NFD')).join(' ')).toBe(words.normalize('NFC'))
  })

  it.each([
    ['K7Q-2MD', 'k7q2md'],
    ['k7q 2md', 'k7q2md'],
    ['k7q\u20112md\u200e', 'k7q2md'],
    ['Anna@Shop.example ', 'annashopexample'],
    ['self_0mg5-Ae', 'self0mg5ae'],
    ['…', ''],
  ])('%j without all that separates: %j', (text, compact) => expect(compactOf(text)).toBe(compact))
})
