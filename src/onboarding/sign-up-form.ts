import { z } from 'zod'
import { readPhoneNumber } from './phone-number.ts'

const text = z.preprocess((value) => (typeof value === 'string' ? value.trim() : ''), z.string())

/** The self-signup form; each problem is the key of its words. */
export const signUpForm = z.object({
  company: text.pipe(z.string().min(1, 'form.companyMissing').max(100, 'form.companyLong')),
  email: text.pipe(z.email('form.emailBad').max(254, 'form.emailBad')),
  number: text.transform((value, context) => {
    if (value === '') return undefined
    const number = readPhoneNumber(value)
    if (number === undefined) context.addIssue({ code: 'custom', message: 'form.numberBad' })
    return number
  }),
  consent: z.literal('yes', 'form.consentMissing'),
})
