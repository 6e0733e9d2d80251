import {
  type KyselyPlugin,
  OperationNodeTransformer,
  type PrimitiveValueListNode,
  type RootOperationNode,
  type UnknownRow,
  type ValueNode,
} from 'kysely'

/** Columns that hold JSON; every other type follows from the name. */
const jsonColumns: ReadonlySet<string> = new Set([
  'recordsBefore',
  'recordsAfter',
  'emails',
  'facts',
  'findings',
  'calls',
  'scopes',
  'detail',
  'shown',
])
const TIME = /(?:At|Until)$|^at$/
const BOOLEAN = /^is[A-Z]/

/** What a column holds for a value of ours: times as ISO text, booleans as 0 and 1, lists and objects as JSON. */
export function toColumn(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'boolean') return value ? 1 : 0
  return isJson(value) ? JSON.stringify(value) : value
}

function isJson(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}

type Reader = (value: unknown) => unknown
const readers = new Map<string, Reader | undefined>()

function readerOf(column: string): Reader | undefined {
  if (!readers.has(column)) readers.set(column, findReader(column))
  return readers.get(column)
}

function findReader(column: string): Reader | undefined {
  if (TIME.test(column)) return (value) => new Date(value as string)
  if (BOOLEAN.test(column)) return (value) => value === 1
  if (jsonColumns.has(column)) return (value) => JSON.parse(value as string)
  return undefined
}

/** Turns the columns' text and integers into the domain's dates, booleans and lists, and null into undefined. */
export class ColumnValues implements KyselyPlugin {
  readonly #toColumns = new ToColumns()

  transformQuery({ node }: { node: RootOperationNode }): RootOperationNode {
    return this.#toColumns.transformNode(node)
  }

  /** After CamelCasePlugin, whose rows are new objects: they are changed in place. */
  async transformResult<T extends { rows: UnknownRow[] }>({ result }: { result: T }): Promise<T> {
    for (const row of result.rows)
      for (const column in row) {
        const value = row[column]
        if (value === null) row[column] = undefined
        else {
          const read = readerOf(column)
          if (read) row[column] = read(value)
        }
      }
    return result
  }
}

class ToColumns extends OperationNodeTransformer {
  protected override transformValue(node: ValueNode): ValueNode {
    return { ...node, value: toColumn(node.value) }
  }

  protected override transformPrimitiveValueList(node: PrimitiveValueListNode): PrimitiveValueListNode {
    return { ...node, values: node.values.map(toColumn) }
  }
}
