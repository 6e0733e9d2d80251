import { HubError } from './hub-error.ts'
import { type Words, wordsOf } from './words.ts'

/** One way in which this 360dialog may behave, with a sentence that says what it plays. */
interface Switch<T> {
  usual: T
  says: string
  /** Every value there is; without them any text, or any number, will do. */
  choices?: readonly T[]
}

const yesNo = (usual: boolean, says: string): Switch<boolean> => ({ usual, says, choices: [true, false] })
const number = (usual: number, says: string): Switch<number> => ({ usual, says })
const text = (says: string): Switch<string> => ({ usual: '', says })

/** One of some words, the usual one first. */
function oneOf<const T extends string>(words: T, says: string): Switch<Words<T>> {
  const choices = wordsOf(words)
  return { usual: choices[0], says, choices }
}

const screen = {
  payment: oneOf('direct partner', 'Who pays. If the partner does, every number is shared at once.'),
  price_page: yesNo(false, 'With direct payment a new client accepts the prices and enters a card.'),
  allow_client_to_add_phone_no: yesNo(true, 'Clients may add numbers (a flag of the partner).'),
  blocked_new_submission: yesNo(false, 'The partner is blocked: nobody can sign up or add a number.'),
  restricted_emails: yesNo(true, 'Sign-up refuses some e-mail domains, such as web.de and mailinator.com.'),
  partner_domain: text('The partner’s own e-mail domain, which sign-up refuses; empty: none.'),
  signup: oneOf('embedded classic', 'What sign-up makes: numbers of today, or classic ones (V1, OBO).'),
  coexistence: oneOf('works not_eligible', 'Whether a number in the WhatsApp Business app can be connected.'),
  io_signature_required: yesNo(false, 'Only signed launches are let in, each once.'),
  io_signature_encoding: oneOf('hex base64 base64url', 'How a launch signature is written.'),
  io_signature_seconds: number(300, 'The age at which a signed launch is too old, in seconds.'),
  launch_hop: yesNo(false, 'A launch first goes on to the other host name (localhost, 127.0.0.1).'),
}

const redirect = {
  brackets: oneOf(
    'raw encoded none round repeated',
    'Ids: [a,b], %5Ba%2Cb%5D, a,b, (a,b), or channels[]= each.',
  ),
  quotes: oneOf('none single double', 'Quotes around each id.'),
  spaces: yesNo(false, 'A space after each comma: a plus sign when raw, %20 when encoded.'),
  empty_list: oneOf('brackets blank left_out', 'What channels is when nothing was shared.'),
  revoked: oneOf('when_any always in_both', 'When revoked is there; in_both: channels names its ids, too.'),
  repeat_unchanged: yesNo(true, 'Channels names earlier permissions that stay as they are, too.'),
  cancel_says: oneOf('empty_choice state_only', 'What Cancel sends back.'),
  drop_channels: yesNo(false, 'Channels is left out, as after a sign-up that failed.'),
  drop_state: yesNo(false, 'State is not handed back, as may be so on the new screen.'),
  onboarding_deeplink_add_params: yesNo(true, 'Client and channels are handed back (a flag of the partner).'),
  drop_redirect_url: yesNo(false, 'A launch’s redirect URL is ignored: the stored one is used.'),
  refuse_redirect_url: yesNo(false, 'A launch with a redirect URL is refused, as one that is not on a list.'),
  no_redirect_url: oneOf('error default', 'Without a redirect URL: an error, or a page of 360dialog.'),
  redirect_post: yesNo(false, 'The browser comes back by POST instead of GET.'),
}

const objects = {
  list_envelope: oneOf(
    'partner_channels channels bare_array',
    'The name of channels’ list, or none for any list.',
  ),
  channel_envelope: oneOf('none list channel not_found', 'What is around the answer for one channel.'),
  client_path: oneOf('not_found balance client', 'What the address of one client answers.'),
  page_default: number(20, 'Rows of a page when the call names no limit.'),
  page_most: number(200, 'Rows of a page at most.'),
  filters: oneOf('honoured known_only ignored', 'Filters; known_only skips unknown names, and refuses none.'),
  client_details: oneOf('full null missing', 'Contact and business details of clients.'),
  channel_client: oneOf('both id object', 'How a channel names its client: client_id, client, or both.'),
  running_field: oneOf(
    'all account_mode status hub_status availability_status integration none',
    'The field that says of a channel that it runs.',
  ),
  app_id_place: oneOf('integration channel', 'Where a channel carries app_id.'),
  ended_field: oneOf('terminated_at cancelled_at', 'The field that says when a number ends.'),
  access_field: oneOf('none is_owned access', 'The field that tells an owned channel from a shared one.'),
  phone_place: oneOf(
    'setup_info phone_number display_phone_number',
    'Where a channel carries its number: as documented, or at the top of the row.',
  ),
  phone_plus: yesNo(true, 'Phone numbers of channels begin with a plus sign.'),
  quality_words: oneOf('colour word', 'How quality is rated: GREEN, or High.'),
  milliseconds: yesNo(false, 'Times of clients and channels carry milliseconds.'),
  shared_numbers: oneOf(
    'keyed_objects objects channel_id_objects phone_objects ids phones keyed_ids paged empty not_found odd',
    'The shape in which shared_client_numbers answers; odd cannot be read.',
  ),
  balance: number(48.15, 'The balance of a client that pays itself.'),
  balance_field: oneOf('number null missing', 'What the field balance is.'),
}

const rules = {
  token_seconds: number(86_400, 'Life of a bearer token, in seconds.'),
  token_type: oneOf('Bearer bearer', 'How the token’s type is written.'),
  d360_header: yesNo(false, 'The Partner API takes its key in the header D360-API-KEY as well.'),
  rate_limit: oneOf('balance all nothing', 'What is limited to 5 calls in 30 seconds.'),
  retry_after: yesNo(false, 'A call over the limit is told by Retry-After when to come back.'),
  error_shape: oneOf(
    'meta meta_errors error error_message message html empty',
    'The body of a refusal: the documented one, or what gateways and older versions send.',
  ),
  patch_ignores_webhook: yesNo(false, 'Changing the partner leaves its webhook URL, which has its own call.'),
  partner_hides_webhook: yesNo(false, 'The partner’s answer leaves the webhook URL out.'),
  partner_may_cancel: yesNo(true, 'The partner may request the cancellation of a number.'),
}

const keys = {
  key_answer: oneOf('flat wrapped key', 'A created key comes as api_key, in a list of keys, or as key.'),
  key_status: oneOf('201 200', 'The status of a created key’s answer.'),
  key_address: text('The address that key answers name; empty: this simulator’s.'),
  hosting: oneOf('cloud on_premise', 'Which of this simulator’s two addresses that is.'),
  not_running_status: oneOf('400 404 409', 'How a key is refused before the number runs.'),
  key_records: oneOf('masked without_key clear refused', 'How the records of existing keys are listed.'),
  delete_keys: yesNo(true, 'The partner can delete a channel’s key.'),
  revoke_kills_key: yesNo(false, 'A removed permission ends the channel’s key at once.'),
}

const messaging = {
  dead_key_status: oneOf('401 403', 'The answer to a key that is dead or wrong.'),
  number_check_on_cloud: yesNo(true, 'The number check answers on the cloud address, too.'),
  webhook_path: oneOf('/v1/configs/webhook /configs/webhook', 'Where a number’s webhook is set.'),
  health_word: oneOf('can_send_message can_send_messages', 'The name of health’s verdict.'),
  health_id: yesNo(true, 'Health names the phone number’s id at the top.'),
  health_nodes: oneOf('single several', 'On-premise health tells of one machine, or of several.'),
}

const notices = {
  send_notices: yesNo(true, 'The partner’s webhook is told what happens.'),
  notice_retries: number(
    10,
    'How often a notice that is not taken is sent again: after 1, 2, 4, 8 … seconds.',
  ),
  notice_twice: yesNo(false, 'Each notice is sent twice.'),
  notice_delay: number(0, 'A notice is sent so many seconds after its time.'),
  notice_order: oneOf('kept swapped', 'Swapped: of two notices the first goes out 2 seconds late.'),
  notice_loss: number(0, 'One of so many notices is lost: 1 loses all, 0 none.'),
  notice_signature: oneOf('hex prefixed wrong missing', 'The signature; prefixed: behind sha256=.'),
  notice_names: oneOf(
    'underscores dots unknown',
    'Events are called channel_live, channel.live, or unheard of.',
  ),
  notice_envelope: oneOf('object array', 'A notice comes by itself, or in a list.'),
  history_phases: number(
    3,
    'In how many notices the chats come, once a number of the Business app is added.',
  ),
  history_kilobytes: number(2, 'The size of each of them.'),
  history_shared: yesNo(true, 'The business shares its chats; if not, one notice says that it declined.'),
}

/** All switches, as the page groups them. */
export const switchGroups: readonly { title: string; switches: Record<string, Switch<unknown>> }[] = [
  { title: 'The permission screen', switches: screen },
  { title: 'The redirect to the partner', switches: redirect },
  { title: 'Lists and objects of the Partner API', switches: objects },
  { title: 'Rules of the Partner API', switches: rules },
  { title: 'Keys', switches: keys },
  { title: 'The Messaging API', switches: messaging },
  { title: 'Notices', switches: notices },
]

const table = { ...screen, ...redirect, ...objects, ...rules, ...keys, ...messaging, ...notices }

export type Switches = { [Name in keyof typeof table]: (typeof table)[Name]['usual'] }

/** How this 360dialog behaves until it is told otherwise. */
export const defaultSwitches = Object.fromEntries(
  Object.entries(table).map(([name, { usual }]) => [name, usual]),
) as Switches

/**
 * Reads switches that came as JSON or from a form, where everything is text.
 * @throws HubError 400 when a name is unknown or a value is not one of the switch's
 */
export function readSwitches(given: Record<string, unknown>): Partial<Switches> {
  const known = new Map<string, Switch<unknown>>(Object.entries(table))
  const read = Object.entries(given).map(([name, value]) => {
    const found = known.get(name)
    if (!found) throw new HubError(400, `Unknown switch: ${name}`)
    return [name, readValue(name, value, found)]
  })
  return Object.fromEntries(read)
}

function readValue(name: string, value: unknown, { usual, choices }: Switch<unknown>): unknown {
  if (choices) {
    const chosen = choices.find((choice) => String(choice) === String(value))
    if (chosen !== undefined) return chosen
    throw new HubError(400, `${name} is one of: ${choices.join(', ')}`)
  }
  if (typeof usual === 'string' && typeof value === 'string') return value.trim()
  const isWritten = typeof value === 'number' || (typeof value === 'string' && value.trim())
  if (typeof usual === 'number' && isWritten && Number.isFinite(Number(value))) return Number(value)
  throw new HubError(400, `Wrong value for switch: ${name}`)
}
