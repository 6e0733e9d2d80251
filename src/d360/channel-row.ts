import { z } from 'zod'
import { wireDate, wireEmail, wireId, wireObject, wirePhoneNumber, wireText } from './wire-values.ts'

/** One row of the channel list, and the `data` of a channel notice, in 360dialog's names (contract 4.3). */
export const channelRow = z.object({
  id: wireId,
  client_id: wireId,
  client: wireObject({ id: wireId, contact_info: wireObject({ email: wireEmail }) }),
  status: wireText,
  account_mode: wireText,
  hub_status: wireText,
  availability_status: wireText,
  app_id: wireId,
  integration: wireObject({ app_id: wireId, state: wireText }),
  setup_info: wireObject({ phone_number: wirePhoneNumber, phone_name: wireText }),
  waba_account: wireObject({ type: wireText, on_behalf_of_business_info: wireObject({ type: wireText }) }),
  created_at: wireDate,
  terminated_at: wireText,
  cancelled_at: wireText,
})

export type ChannelRow = z.infer<typeof channelRow>
