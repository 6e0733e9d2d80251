import { readFileSync } from 'node:fs'
import { createInstance, type i18n } from 'i18next'

export const languages = ['en', 'de'] as const

/**
 * Loads locales/*.json; the admin area speaks English only. EJS escapes what it prints, so nothing is escaped twice.
 */
export async function loadTranslations(): Promise<i18n> {
  const translations = createInstance()
  const [en, de, admin] = ['en', 'de', 'admin.en'].map(readLocale)
  await translations.init({
    resources: { en: { translation: { ...en, admin } }, de: { translation: { ...de } } },
    lng: 'en',
    fallbackLng: 'en',
    interpolation: { escapeValue: false },
    returnNull: false,
  })
  return translations
}

function readLocale(name: string): object {
  return JSON.parse(readFileSync(new URL(`../../locales/${name}.json`, import.meta.url), 'utf8'))
}
