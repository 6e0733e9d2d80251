/** One thing that has to be right, as operator and admin read it. */
export interface Check {
  readonly name: string
  /** `unknown` is nothing to fix by itself: it could not be told. */
  readonly state: 'ok' | 'wrong' | 'unknown'
  /** One sentence. */
  readonly says: string
  /** The one thing to do. */
  readonly remedy?: string
  /** Where it is done. */
  readonly address?: string
}

/** Addresses, platform secret and API keys of a hub are kept on this page (docs/360dialog.md 5). */
export const PARTNER_HUB_PAGE = 'https://hub.360dialog.com/dashboard/partner/integration'

export const ok = (name: string, says: string): Check => ({ name, state: 'ok', says })

export const unknown = (name: string, says: string, more: Fix = {}): Check => ({
  ...{ name, state: 'unknown', says },
  ...more,
})

export const wrong = (name: string, says: string, more: Fix): Check => ({
  ...{ name, state: 'wrong', says },
  ...more,
})

type Fix = Pick<Check, 'remedy' | 'address'>
