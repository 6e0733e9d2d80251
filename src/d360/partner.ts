import { z } from 'zod'
import { wireFlag, wireText } from './wire-values.ts'

/** What this site may set at 360dialog: where customers come back to, and where notices are sent. */
export interface HubAddresses {
  readonly redirectUrl: string
  readonly webhookUrl: string
}

/** The partner hub as 360dialog describes it (docs/360dialog.md 5). Undefined: it was not said. */
export interface Partner {
  /** Empty when there is none. */
  readonly redirectUrl: string | undefined
  readonly webhookUrl: string | undefined
  /** False: clients cannot add a number. */
  readonly allowsNewNumbers: boolean | undefined
  /** True: 360dialog takes nothing new from this partner. */
  readonly isBlocked: boolean | undefined
}

const partnerAnswer = z.object({
  partner_redirect_url: wireText,
  webhook_url: wireText,
  allow_client_to_add_phone_no: wireFlag,
  blocked_new_submission: wireFlag,
})

/** Reads the answer about the partner; `undefined` when it is no object. */
export function readPartner(answer: unknown): Partner | undefined {
  const said = partnerAnswer.safeParse(answer).data
  return (
    said && {
      redirectUrl: toAddress(said.partner_redirect_url),
      webhookUrl: toAddress(said.webhook_url),
      allowsNewNumbers: said.allow_client_to_add_phone_no ?? undefined,
      isBlocked: said.blocked_new_submission ?? undefined,
    }
  )
}

/** The webhook URL from the answer of its own call; empty when there is none. */
export function readWebhookUrl(answer: unknown): string | undefined {
  return toAddress(z.object({ webhook_url: wireText }).safeParse(answer).data?.webhook_url)
}

function toAddress(said: string | null | undefined): string | undefined {
  return said === null ? '' : said
}
