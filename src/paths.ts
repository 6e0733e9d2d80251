/** Every address of the site, in one place: a pattern for the router, or a function for a link. */
export const paths = {
  home: '/',
  signUp: '/connect',
  link: '/connect/:token',
  callback: '/callback',
  returned: '/returned',
  status: '/status/:id',
  healthz: '/healthz',
  readyz: '/readyz',
  metrics: '/metrics',
  api: '/api/v1',
  admin: '/admin',
  adminSignIn: '/admin/sign-in',
  adminSignOut: '/admin/sign-out',
  adminFirst: '/admin/first/:code',
  adminChannel: '/admin/channels/:id',
  adminChannelTry: '/admin/channels/:id/try',
  adminCase: '/admin/cases/:code',
  adminAudit: '/admin/audit',
} as const

export const linkPath = (token: string) => `/connect/${encodeURIComponent(token)}`
export const statusPath = (id: string) => `/status/${encodeURIComponent(id)}`
export const adminFirstPath = (code: string) => `/admin/first/${encodeURIComponent(code)}`
export const adminChannelPath = (id: string) => `/admin/channels/${encodeURIComponent(id)}`
export const adminChannelTryPath = (id: string) => `${adminChannelPath(id)}/try`
export const adminCasePath = (code: string) => `/admin/cases/${encodeURIComponent(code)}`
