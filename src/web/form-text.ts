import { z } from 'zod'
import { isPlainText } from '../plain-text.ts'

/**
 * A field of a form: trimmed, empty when it is missing or given twice. One with a control character is refused; the
 * problem is the key of its translation.
 */
export const formText = z.preprocess(
  (value) => (typeof value === 'string' ? value.trim() : ''),
  z.string().refine(isPlainText, { error: 'form.unprintable', abort: true }),
)
