import { describe, expect, it } from '@jest/globals'
import { readApiKeyAnswer } from '../../src/d360/api-key-answer.ts'
import { readChannel } from '../../src/d360/channel.ts'
import { readClient } from '../../src/d360/client.ts'

const now = new Date('2026-03-02T09:00:00.000Z')

describe.each(['\0', '\n', '\x1f', '\x7f', '\x80', '\x9f', '\ud800', '\udc00'])(
  '%j in what 360dialog says',
  (odd) => {
    it('is left out of every text and id of a channel', () => {
      const row = {
        ...{
          id: `ch${odd}1`,
          client_id: `cl${odd}1`,
          account_mode: `li${odd}ve`,
          hub_status: `ru${odd}nning`,
        },
        ...{ status: `x${odd}y`, integration: { app_id: `a${odd}b`, state: `r${odd}s` } },
        setup_info: { phone_number: `+49${odd}301234567`, phone_name: `${odd}Sh${odd}op 😀${odd}` },
      }
      expect(readChannel(row, now)).toMatchObject({
        ...{
          id: 'ch1',
          clientId: 'cl1',
          displayName: 'Shop 😀',
          phoneNumber: '+49301234567',
          status: 'live',
        },
        rawStatus: 'account_mode=live status=xy hub_status=running integration=rs',
      })
    })

    it('leaves no half of a letter where a status is cut', () => {
      const row = { id: 'ch1', client_id: 'cl1', status: `${'x'.repeat(39)}😀${odd}` }
      expect(readChannel(row, now)?.rawStatus).toBe(`status=${'x'.repeat(39)}`)
    })

    it('is left out of a client’s name, and an e-mail with it is none', () => {
      const row = { id: `cl${odd}1`, name: `Sh${odd}op`, contact_info: { email: `an${odd}na@shop.example` } }
      expect(readClient(row)).toMatchObject({ id: 'cl1', name: 'Shop', emails: [] })
    })

    it('is left out of the ids beside a key', () => {
      const address = 'https://waba-v2.360dialog.io'
      const answer = JSON.stringify({ api_key: 'key', address, app_id: `a${odd}b`, id: `r${odd}1` })
      expect(
        readApiKeyAnswer(answer, { channelId: 'ch1', allowedHosts: ['*.360dialog.io'], standardAddress: '' }),
      ).toMatchObject({ appId: 'ab', recordId: 'r1' })
    })
  },
)
