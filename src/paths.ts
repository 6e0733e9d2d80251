/** Every address of the site, in one place: a pattern for the router, or a function for a link. */
export const paths = {
  home: '/',
  signUp: '/connect',
  link: '/connect/:token',
  callback: '/callback',
  returned: '/returned',
  returnPage: '/return/:id',
  status: '/status/:id',
  confirm: '/confirm/:id',
  notices: '/webhooks/360dialog',
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
  adminChannelConfirm: '/admin/channels/:id/confirm',
  adminChannelRetire: '/admin/channels/:id/retire',
  adminSearch: '/admin/search',
  adminCase: '/admin/cases/:code',
  adminAudit: '/admin/audit',
  adminReviews: '/admin/reviews',
  adminReview: '/admin/reviews/:id',
  adminReviewAccept: '/admin/reviews/:id/accept',
  adminReviewMove: '/admin/reviews/:id/move',
  adminReviewRefuse: '/admin/reviews/:id/refuse',
  adminReviewAskOwner: '/admin/reviews/:id/ask-owner',
  adminReviewAllowMails: '/admin/reviews/:id/allow-mails',
} as const

/** The address of a page that has one parameter. */
export const pathTo = (page: keyof typeof paths, parameter: string) =>
  paths[page].replace(/:\w+/, encodeURIComponent(parameter))

export const linkPath = (token: string) => pathTo('link', token)
export const returnPagePath = (id: string) => pathTo('returnPage', id)
export const statusPath = (id: string) => pathTo('status', id)
export const confirmPath = (id: string) => pathTo('confirm', id)
export const adminFirstPath = (code: string) => pathTo('adminFirst', code)
