import type { Compilable, CompiledQuery } from 'kysely'
import type { Database } from './database.ts'

/** Stands for a value that is known only when the query runs. */
class Placeholder {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/**
 * A query that is built once for each engine and run often: building and compiling costs more than SQLite
 * needs to answer. `build` gets a function that names the values; each run brings its own.
 */
export function prepared<V extends Readonly<Record<string, string | number | null>>, R>(
  build: (db: Database, value: (name: keyof V & string) => never) => Compilable<R>,
): (db: Database, values: V) => Promise<readonly R[]> {
  const byEngine = new Map<unknown, CompiledQuery<R>>()
  return async (db, values) => {
    const engine = db.getExecutor().adapter.constructor
    const query = byEngine.get(engine) ?? build(db, (name) => new Placeholder(name) as never).compile()
    byEngine.set(engine, query)
    const parameters = query.parameters.map((one) => (one instanceof Placeholder ? values[one.name] : one))
    const { rows } = await db.executeQuery<R>({ ...query, parameters })
    return rows
  }
}
