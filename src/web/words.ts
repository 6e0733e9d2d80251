import { readFileSync } from 'node:fs'
import { createInstance, type i18n } from 'i18next'

export const languages = ['en', 'de'] as const

/** Loads locales/*.json. EJS escapes what it prints, so the words are not escaped twice. */
export async function loadWords(): Promise<i18n> {
  const words = createInstance()
  const resources = Object.fromEntries(languages.map((lang) => [lang, { translation: readWords(lang) }]))
  await words.init({
    resources,
    lng: 'en',
    fallbackLng: 'en',
    interpolation: { escapeValue: false },
    returnNull: false,
  })
  return words
}

function readWords(lang: string): object {
  return JSON.parse(readFileSync(new URL(`../../locales/${lang}.json`, import.meta.url), 'utf8'))
}
