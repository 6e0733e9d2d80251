/** Every address of the site, in one place: a pattern for the router, or a function for a link. */
export const paths = {
  home: '/',
  signUp: '/connect',
  link: '/connect/:token',
  callback: '/callback',
  returned: '/returned',
  returnPage: '/return/:id',
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
  adminChannelReplace: '/admin/channels/:id/replace',
  adminChannelPaste: '/admin/channels/:id/paste',
  adminCase: '/admin/cases/:code',
  adminAudit: '/admin/audit',
  adminReviews: '/admin/reviews',
  adminReview: '/admin/reviews/:id',
  adminReviewAccept: '/admin/reviews/:id/accept',
  adminReviewRefuse: '/admin/reviews/:id/refuse',
} as const

export const linkPath = (token: string) => `/connect/${encodeURIComponent(token)}`
export const returnPagePath = (id: string) => `/return/${encodeURIComponent(id)}`
export const adminReviewPath = (id: string) => `/admin/reviews/${encodeURIComponent(id)}`
export const adminReviewAcceptPath = (id: string) => `${adminReviewPath(id)}/accept`
export const adminReviewRefusePath = (id: string) => `${adminReviewPath(id)}/refuse`
export const statusPath = (id: string) => `/status/${encodeURIComponent(id)}`
export const adminFirstPath = (code: string) => `/admin/first/${encodeURIComponent(code)}`
export const adminChannelPath = (id: string) => `/admin/channels/${encodeURIComponent(id)}`
export const adminChannelTryPath = (id: string) => `${adminChannelPath(id)}/try`
export const adminChannelReplacePath = (id: string) => `${adminChannelPath(id)}/replace`
export const adminChannelPastePath = (id: string) => `${adminChannelPath(id)}/paste`
export const adminCasePath = (code: string) => `/admin/cases/${encodeURIComponent(code)}`
