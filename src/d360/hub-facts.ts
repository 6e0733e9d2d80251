import { PartnerApiError } from '../errors.ts'
import { isMasked } from './api-key-answer.ts'
import type { PartnerApi } from './partner-api.ts'
import { readRowPage } from './row-pages.ts'
import { isFields, safeName, safeWord, shapeOf } from './safe-shape.ts'

/** Something that is not documented, as a real hub answers it: without any id, name, number or address. */
export interface Fact {
  readonly question: string
  readonly answer: string
}

type Row = Readonly<Record<string, unknown>>

/** The fields that may say whether a number runs (docs/360dialog.md 7). */
const STATES = ['account_mode', 'status', 'hub_status', 'availability_status', 'integration.state']
const OWNERSHIP = /own|shar|access/
const PAGE = { limit: '50', offset: '0' }
const NO_NUMBER = 'Not asked: there is no number.'

/** Asks a hub what is not documented. Reads only, about eight calls in the lane of least priority. */
export class HubFacts {
  readonly #partnerApi: Pick<PartnerApi, 'peek'>

  constructor(partnerApi: Pick<PartnerApi, 'peek'>) {
    this.#partnerApi = partnerApi
  }

  /** `withKey`: numbers that surely run, since a key of ours works. */
  async collect(withKey: ReadonlySet<string>): Promise<Fact[]> {
    let rows: readonly Row[] = []
    const list = await this.#ask(['channels'], PAGE, (answer) => {
      rows = rowsOf(answer)
      return shapeOf(answer)
    })
    const row = rows.find(({ id }) => withKey.has(String(id))) ?? rows[0]
    const id = textAt(row, 'id')
    const clientId = textAt(row, 'client_id') ?? textAt(row, 'client.id')
    return [
      { question: 'the hub', answer: await this.#ask([], {}, shapeOf) },
      { question: 'list of numbers', answer: list },
      { question: 'list of clients', answer: await this.#ask(['clients'], PAGE, shapeOf) },
      { question: 'numbers by id', answer: await this.#judgeFilter('channels', 'id', id) },
      {
        question: 'numbers by client_id',
        answer: await this.#judgeFilter('channels', 'client_id', clientId),
      },
      { question: 'clients by id', answer: await this.#judgeFilter('clients', 'id', clientId) },
      { question: 'key records', answer: id ? await this.#describeKeyRecords(id) : NO_NUMBER },
      { question: 'shared numbers', answer: clientId ? await this.#describeShared(clientId) : NO_NUMBER },
      ...STATES.map((field) => ({ question: field, answer: tally(rows, field, withKey) })),
      { question: 'owned or shared', answer: tallyOwnership(rows) },
    ]
  }

  #describeShared(clientId: string): Promise<string> {
    return this.#ask(['clients', clientId, 'shared_client_numbers'], {}, shapeOf)
  }

  #describeKeyRecords(channelId: string): Promise<string> {
    return this.#ask(['channels', channelId, 'api_keys'], {}, (answer) => {
      const keys = rowsOf(answer).map((record) =>
        isMasked(record.api_key) ? 'masked' : shapeOf(record.api_key),
      )
      return `${shapeOf(answer)}; keys: ${[...new Set(keys)].join(', ') || 'none'}`
    })
  }

  async #judgeFilter(list: string, field: string, value: string | undefined): Promise<string> {
    if (!value) return NO_NUMBER
    return this.#ask([list], { ...PAGE, filters: JSON.stringify({ [field]: value }) }, (answer) => {
      const rows = rowsOf(answer)
      if (rows.length === 0) return 'nothing was found'
      const fits = rows.every((row) => textAt(row, field) === value)
      return fits ? 'the filter is honoured' : 'the filter is ignored'
    })
  }

  async #ask(
    path: readonly string[],
    query: Readonly<Record<string, string>>,
    describe: (answer: unknown) => string,
  ): Promise<string> {
    try {
      const answer = await this.#partnerApi.peek(path, query)
      return answer === undefined ? 'not JSON' : describe(answer)
    } catch (error) {
      if (!(error instanceof PartnerApiError)) throw error
      return `no answer that can be read: ${error.upstreamStatus ?? error.failure}`
    }
  }
}

function rowsOf(answer: unknown): Row[] {
  const names = ['partner_channels', 'channels', 'clients', 'api_keys', 'data']
  return (readRowPage(answer, names)?.rows ?? []).filter(isFields)
}

/** `with a key of ours: live 3; others: live 1, none 4`. */
function tally(rows: readonly Row[], field: string, withKey: ReadonlySet<string>): string {
  const hasKey = ({ id }: Row) => withKey.has(String(id))
  const said = (some: readonly Row[]) => countWords(some.map((row) => valueAt(row, field)))
  return `with a key of ours: ${said(rows.filter(hasKey))}; others: ${said(rows.filter((row) => !hasKey(row)))}`
}

function tallyOwnership(rows: readonly Row[]): string {
  const names = new Set(rows.flatMap((row) => Object.keys(row)).filter((name) => OWNERSHIP.test(name)))
  const described = [...names].map((name) => `${safeName(name)}: ${countWords(rows.map((row) => row[name]))}`)
  return described.join('; ') || 'no field with such a name'
}

function countWords(values: readonly unknown[]): string {
  const words = values.map(safeWord)
  const counted = [...new Set(words)].map((word) => `${word} ${words.filter((one) => one === word).length}`)
  return counted.join(', ') || 'no number'
}

function valueAt(row: Row | undefined, field: string): unknown {
  return field.split('.').reduce<unknown>((value, name) => (isFields(value) ? value[name] : undefined), row)
}

function textAt(row: Row | undefined, field: string): string | undefined {
  const value = valueAt(row, field)
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}
