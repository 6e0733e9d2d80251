import { z } from 'zod'
import { wireId, wireText } from './wire-values.ts'

/** The Partner Hub account (contract 4.3). */
export interface Partner {
  readonly id: string
  readonly brandName: string | undefined
  readonly redirectUrl: string | undefined
  readonly webhookUrl: string | undefined
}

const partnerAnswer = z.object({
  id: wireId,
  brand_name: wireText,
  partner_redirect_url: wireText,
  webhook_url: wireText,
})

/** Reads the partner's own record; `undefined` when it is no object or has no id. */
export function readPartner(answer: unknown): Partner | undefined {
  const read = partnerAnswer.safeParse(answer)
  if (!read.success || !read.data.id) return undefined
  return {
    id: read.data.id,
    brandName: read.data.brand_name || undefined,
    redirectUrl: read.data.partner_redirect_url || undefined,
    webhookUrl: read.data.webhook_url || undefined,
  }
}
