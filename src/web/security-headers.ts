import type { RequestHandler } from 'express'
import helmet, { contentSecurityPolicy } from 'helmet'

export interface HeaderSettings {
  readonly secure: boolean
  /** Where the partner's logo comes from, if it is not ours. */
  readonly logoOrigin: string | undefined
}

/** Headers of every answer. No script runs anywhere; the styles are our own files. */
export function securityHeaders(settings: HeaderSettings): RequestHandler {
  return helmet({
    contentSecurityPolicy: policy(settings, { formAction: ["'self'"] }),
    // `no-referrer` would make our own forms arrive with `Origin: null`.
    referrerPolicy: { policy: 'same-origin' },
    strictTransportSecurity: settings.secure ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    crossOriginEmbedderPolicy: false,
    // For browsers and plug-ins that are gone.
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    xDnsPrefetchControl: false,
  })
}

/**
 * For pages with a launch form: Chromium applies `form-action` to every hop after a post, and 360dialog
 * redirects between hosts that we cannot list, so these pages go without it.
 */
export function launchPageHeaders(settings: HeaderSettings): RequestHandler {
  return contentSecurityPolicy(policy(settings, {}))
}

function policy({ secure, logoOrigin }: HeaderSettings, more: Record<string, string[]>) {
  return {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", 'data:', ...(logoOrigin ? [logoOrigin] : [])],
      fontSrc: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
      ...more,
      ...(secure && { upgradeInsecureRequests: [] }),
    },
  }
}
