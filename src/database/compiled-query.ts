import type { Compilable, CompiledQuery } from 'kysely'
import { toColumn } from './column-values.ts'
import type { Database } from './database.ts'

/** Stands for a value that is known only when the query runs. */
class Placeholder {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/**
 * A query that is built once for each engine and run often: building and compiling it costs more than SQLite needs
 * to answer. `build` gets a function that names the values; each run brings its own.
 */
export function compiledQuery<V extends object, R>(
  build: (db: Database, value: <K extends keyof V & string>(name: K) => V[K]) => Compilable<R>,
): (db: Database, values: V) => Promise<readonly R[]> {
  const byEngine = new Map<unknown, CompiledQuery<R>>()
  return async (db, values) => {
    const engine = db.getExecutor().adapter.constructor
    const query = byEngine.get(engine) ?? build(db, (name) => new Placeholder(name) as never).compile()
    byEngine.set(engine, query)
    const parameters = query.parameters.map((one) =>
      one instanceof Placeholder ? (toColumn(values[one.name as keyof V]) ?? null) : one,
    )
    const { rows } = await db.executeQuery<R>({ ...query, parameters })
    return rows
  }
}

/** An insert of a whole row, built once from the columns that `columns` names. */
export function compiledInsert<V extends object>(
  columns: readonly (keyof V & string)[],
  build: (db: Database, values: V) => Compilable<unknown>,
): (db: Database, values: V) => Promise<readonly unknown[]> {
  return compiledQuery<V, unknown>((db, value) => {
    const row = Object.fromEntries(columns.map((column) => [column, value(column)]))
    return build(db, row as V)
  })
}
