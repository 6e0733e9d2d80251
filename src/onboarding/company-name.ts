/** What is not seen, or turns the text around, or begins another line. */
const UNSEEN = /[\p{Bidi_Control}\p{Zl}\p{Zp}]/u
/** What a mail program makes a link of, or a reader an instruction: a name with it is a message. `Shop.com` is a name. */
const ADDRESS = /:\/\/|\bwww\.|@|\p{L}\.\p{L}{2,}[/?:#]/iu

/** Letters of other alphabets and digits that look like a Latin letter, small or capital. */
const lookAlikes = Object.entries({
  a: 'аαɑ',
  b: 'вβƅь',
  c: 'сϲ',
  d: 'ԁ',
  e: 'еεєɛ',
  g: 'ɡց',
  h: 'нһΗ',
  j: 'јϳ',
  k: 'кκ',
  // `I`, `l` and `1` look alike, so that any of them is one letter here.
  l: 'iіιıӏ1|!',
  m: 'мμ',
  n: 'ηпոΝ',
  o: 'оοσօ0',
  p: 'рρ',
  q: 'ԛ',
  r: 'г',
  s: 'ѕ',
  t: 'тτ',
  u: 'υцս',
  v: 'νѵ',
  w: 'ԝω',
  x: 'хχ',
  y: 'уγүΥ',
  z: 'ζ',
}).flatMap(([letter, others]) => [...others].map((other) => [other, letter] as const))
const latinOf = new Map(lookAlikes)

/** Why a name that somebody gave itself cannot stand in a mail of ours: the key of its words; undefined if it can. */
export function findNameProblem(company: string, brand: string): string | undefined {
  if (UNSEEN.test(company)) return 'form.unprintable'
  if (ADDRESS.test(company)) return 'form.companyIsAddress'
  return bearsName(company, brand) ? 'form.companyIsOurs' : undefined
}

/** A stranger who calls itself by our name could ask an owner in it, however it is written. */
function bearsName(company: string, brand: string): boolean {
  const ours = toShape(brand)
  // A short name is a part of many words: it has to stand alone.
  if (ours.length < 4)
    return (
      ours !== '' &&
      company
        .split(/[^\p{L}\p{M}\p{N}]+/u)
        .map(toShape)
        .includes(ours)
    )
  return toShape(company).includes(ours)
}

/** How a text looks to somebody who reads fast: without spaces, signs and accents, each letter as its Latin twin. */
function toShape(text: string): string {
  const toLatin = (letter: string) => latinOf.get(letter) ?? latinOf.get(letter.toLowerCase())
  return [...text.normalize('NFKD')]
    .map((letter) => toLatin(letter) ?? letter.toLowerCase())
    .join('')
    .replaceAll(/[^\p{L}\p{N}]/gu, '')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
}
