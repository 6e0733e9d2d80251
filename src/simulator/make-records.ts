import { toWireTime } from './clock.ts'
import { randomDigits, randomId } from './random-id.ts'
import type { Channel, Client, NewChannel, NewClient } from './records.ts'

export function makeClient(given: NewClient, now: Date): Client {
  const { id = randomId('CL'), email, name, partnerPayload = null, createdAt, owesPayment = false } = given
  const waba = { id: randomId('WA'), externalId: randomDigits(15), businessId: randomDigits(15) }
  return { id, email, name, partnerPayload, createdAt: toWireTime(createdAt ?? now), waba, owesPayment }
}

export function makeChannel(given: NewChannel, now: Date): Channel {
  const {
    id = randomId('CH'),
    clientId,
    phoneNumber,
    displayName,
    running = false,
    permitted = false,
  } = given
  const createdAt = toWireTime(given.createdAt ?? now)
  return {
    ...{ id, clientId, phoneNumber, displayName, running, permitted, createdAt },
    ...(given.isClassic && { isClassic: true }),
    ...(given.isOnBizApp && { isOnBizApp: true }),
    runningSince: running ? createdAt : null,
    appId: randomDigits(6),
    metaId: randomDigits(15),
    key: null,
    webhook: null,
  }
}
