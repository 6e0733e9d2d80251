/** C0, DEL and C1, and halves of a surrogate pair: what no text for people holds, and PostgreSQL refuses in part. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u
const EVERY_UNPRINTABLE = new RegExp(UNPRINTABLE, 'gu')
/** What is not seen, and comes along when a text is copied. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu

/** Whether a text that somebody gave us can be taken: it holds no control character and no broken letter. */
export function isPlainText(text: string): boolean {
  return !UNPRINTABLE.test(text)
}

/** A text without them, for what others say and we cannot refuse. */
export function toPlainText(text: string): string {
  return text.replaceAll(EVERY_UNPRINTABLE, '')
}

/** A text without marks that nobody sees, for what is compared. */
export function withoutInvisible(text: string): string {
  return text.replaceAll(INVISIBLE, '')
}
