/** The words of a text, as a type: `'a b'` is `'a' | 'b'`. */
export type Words<T extends string> = T extends `${infer First} ${infer Others}` ? First | Words<Others> : T

/** The words of a text, in its order. */
export function wordsOf<const T extends string>(text: T): [Words<T>, ...Words<T>[]] {
  return text.split(' ') as [Words<T>, ...Words<T>[]]
}
