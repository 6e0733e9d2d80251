/** What the documented names and states of 360dialog are made of: no id, name, number or address is. */
const VOCABULARY = new Set(
  `about access account activated active add address admin allow api app approve approved at auto availability
  available balance behalf billing biz blocked brand business by can cancelled case category certificate change
  channel channels city client clients closed cloud code config configuration connected consents contact count
  country created currency current data deactivated declined deeplink default deleted deployed description details
  direct disabled disconnected display draft email enabled ended entity error errors external failed false fb
  filters for full granted granularity green has health high host hosting hub id ids imported in inactive inbox info
  initialized integration is ivr key keys language last layer limit limits list live localization logo low managed
  manager masked max medium message messaging meta method migration mode modified name namespace new no number
  numbering numbers oba object obo of offline offset ok on onboarding online onpremise open organisation origin other
  owned owner ownership page pages params parent partner paused payload payment pending permission permissions
  permitted phone plan porting possible pricing primary progress project provisioned publishable quality rating
  ready reason red redirect region registered rejected renewal request requested required restriction revision
  revoked running sandbox secondary secret self send settings setup shards share shared sharing signed since
  solution sort source stack standard started state status stopped street submission submit submitted suspended
  suspicious system template terminated tier tiered timezone to token total true type uninitialized unregistered
  until unverified updated url use user users verification verified version vertical violation visible waba
  waiting was webhook webpage yellow zip`.split(/\s+/),
)

const MOST_ROWS = 50
const MOST_DEPTH = 4
const TYPES: Readonly<Record<string, string>> = { string: 'text', boolean: 'yes or no' }

type Fields = Readonly<Record<string, unknown>>

/** The name of a field as it may be shown to strangers; a field of a map may be named by an id. */
export function safeName(name: string): string {
  return isVocabulary(name) ? name : '(another name)'
}

/** A state as it may be shown to strangers. */
export function safeWord(value: unknown): string {
  if (value === null || value === undefined) return 'none'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return typeof value === 'string' && isVocabulary(value) ? value : `(another ${typeOf(value)})`
}

/** What a JSON value looks like, without any content of it: `{ clients: list of { id: text } }`. */
export function shapeOf(value: unknown, depth = 0): string {
  if (depth > MOST_DEPTH) return '…'
  if (Array.isArray(value)) return value.length === 0 ? 'empty list' : `list of ${shapeOfRows(value, depth)}`
  return isFields(value) ? shapeOfObjects([value], depth) : typeOf(value)
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isVocabulary(name: string): boolean {
  const words = name.toLowerCase().split('_')
  return words.every((word) => VOCABULARY.has(word))
}

/** All rows as one shape: each may leave something out. */
function shapeOfRows(rows: readonly unknown[], depth: number): string {
  const looked = rows.slice(0, MOST_ROWS)
  const objects = looked.filter(isFields)
  const others = looked.filter((row) => !isFields(row)).map((row) => shapeOf(row, depth + 1))
  const shapes = objects.length > 0 ? [shapeOfObjects(objects, depth), ...others] : others
  return [...new Set(shapes)].join(' or ')
}

function shapeOfObjects(objects: readonly Fields[], depth: number): string {
  const shapes = new Map<string, Set<string>>()
  for (const [name, value] of objects.flatMap((fields) => Object.entries(fields))) {
    const found = shapes.get(safeName(name)) ?? new Set()
    shapes.set(safeName(name), found.add(shapeOf(value, depth + 1)))
  }
  const pairs = [...shapes].map(([name, found]) => `${name}: ${[...found].join(' or ')}`)
  return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`
}

function typeOf(value: unknown): string {
  return value === null ? 'null' : (TYPES[typeof value] ?? typeof value)
}
