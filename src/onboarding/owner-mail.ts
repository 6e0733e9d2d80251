import type { Language } from '../database/schema.ts'
import type { Mail } from '../mail/mailer.ts'

/** The text of a key in a language. */
export type Translator = (language: Language, key: string, values?: object) => string

export interface OwnerMail {
  readonly to: string
  readonly language: Language
  /** Who asks; it called itself so. */
  readonly tenantName: string
  readonly isSelfMade: boolean
  /** As a person writes them. */
  readonly numbers: readonly string[]
  /** What the page of whoever started this shows. */
  readonly code: string
  readonly link: string
  readonly expiresAt: Date
}

/** The mail that asks an owner whether somebody gets a number: plain text, and the same as simple HTML. */
export function writeOwnerMail(mail: OwnerMail, translate: Translator): Mail {
  const { to, language, tenantName, isSelfMade, numbers, code, link, expiresAt } = mail
  const t = (key: string, values?: object) => translate(language, key, values)
  const date = expiresAt.toLocaleDateString(language, { dateStyle: 'long', timeZone: 'UTC' })
  const before = [
    t(isSelfMade ? 'ownerMail.selfMade' : 'ownerMail.askedBy', { tenant: toQuoted(tenantName) }),
    t('ownerMail.numbers', { numbers: numbers.join(', ') }),
    t('ownerMail.meaning'),
    t('ownerMail.code', { code }),
    t('ownerMail.open', { date }),
  ]
  const after = [t('ownerMail.ignore')]
  return {
    to,
    subject: t('ownerMail.subject'),
    text: `${[...before, link, ...after].join('\n\n')}\n`,
    html: [
      // A long name or the link would make the mail wider than a phone.
      `<div lang="${language}" style="max-width: 36em; overflow-wrap: anywhere; font: 16px/1.5 sans-serif">`,
      ...before.map(toParagraph),
      `<p><a href="${toHtml(link)}">${toHtml(link)}</a></p>`,
      ...after.map(toParagraph),
      '</div>',
    ].join('\n'),
  }
}

/** What somebody called themselves stays on its line and within its quotation marks: it is no word of ours. */
function toQuoted(text: string): string {
  return text
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replaceAll(/["\u201c-\u201f«»]/gu, "'")
    .trim()
}

function toParagraph(text: string): string {
  return `<p>${toHtml(text)}</p>`
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function toHtml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (sign) => escapes[sign] ?? sign)
}
