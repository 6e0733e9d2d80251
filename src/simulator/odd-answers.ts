import type { Answer } from './endpoint.ts'
import type { OddShape } from './faults.ts'

const pageFields = ['count', 'total', 'limit', 'offset', 'sort', 'filters']

/** Gives a good answer another shape than the documented one. A text body stands for HTML. */
export function disguise({ status, body }: Answer, shape: OddShape): Answer {
  if (shape === 'not_json') return { status: 200, body: '<html><title>360dialog</title>One moment…</html>' }
  if (shape === 'empty') return { status, body: '' }
  if (!body || typeof body !== 'object') return { status, body }
  return { status, body: reshape({ ...body }, shape) }
}

function reshape(body: Record<string, unknown>, shape: OddShape): unknown {
  switch (shape) {
    case 'wrapped':
      return { api_keys: [body] }
    case 'key': {
      const { api_key, ...others } = body
      return { ...others, key: api_key }
    }
    case 'masked':
      return { ...body, api_key: '****' }
    case 'host':
      return { ...body, address: 'https://evil.example' }
    case 'bare_array':
      return Object.values(body).find(isRows) ?? body
    case 'no_page_fields':
      return Object.fromEntries(Object.entries(body).filter(([name]) => !pageFields.includes(name)))
    default:
      return body
  }
}

// `sort` is an array too, but of names.
function isRows(value: unknown): boolean {
  return Array.isArray(value) && value.every((row) => row && typeof row === 'object')
}
