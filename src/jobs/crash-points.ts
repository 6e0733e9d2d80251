/**
 * The points between which the way from a return to a proven key is cut into what is durable and what is not.
 * At each of them the process may die; the crash tests make it die there.
 */
export const crashPoints = [
  'return.received',
  'return.stored',
  'return.verified',
  'return.bound',
  'mint.prepared',
  'mint.intended',
  'mint.answered',
  'mint.sealed',
  'key.read',
  'key.stored',
  'probe.answered',
  'probe.stored',
  'notice.stored',
  'notice.asked',
  'notice.observed',
  'notice.read',
  'sync.page_read',
  'sync.page_stored',
  'mail.sent',
] as const

export type CrashPointName = (typeof crashPoints)[number]

/** Is told of every crash point that is reached, before anything after it happens. */
export type CrashPoint = (name: CrashPointName) => void
