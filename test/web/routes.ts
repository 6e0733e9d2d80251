import type { Express } from 'express'

export interface Route {
  /** Upper case; `ALL` for every method. */
  readonly method: string
  /** The pattern. */
  readonly path: string
}

interface Layer {
  readonly slash?: boolean
  readonly route?: { readonly path: string | RegExp; readonly methods: Readonly<Record<string, boolean>> }
  readonly handle: { readonly stack?: readonly Layer[] }
}

/** Every route of the app, those of its routers too. */
export function listRoutes(app: Express): Route[] {
  return (app.router as unknown as { stack: readonly Layer[] }).stack.flatMap(routesOf)
}

function routesOf({ slash, route, handle }: Layer): Route[] {
  const inside = (handle.stack ?? []).flatMap(routesOf)
  if (!route) {
    if (inside.length > 0 && !slash)
      throw new Error('a router below a path: its routes cannot be told from here')
    return inside
  }
  const { path, methods } = route
  if (typeof path !== 'string') return []
  return Object.keys(methods).map((method) => ({
    method: method === '_all' ? 'ALL' : method.toUpperCase(),
    path,
  }))
}

/** The pattern as an address, its parameters replaced. */
export function fill(path: string, values: Readonly<Record<string, string>> = {}): string {
  return path.replaceAll(/:(\w+)/g, (_, name) => values[name] ?? 'x')
}
