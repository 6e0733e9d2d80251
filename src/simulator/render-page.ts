import type { Response } from 'express'

/** Renders a view inside the layout, since EJS has no layouts of its own. */
export function renderPage(
  res: Response,
  view: string,
  locals: { title: string } & Record<string, unknown>,
): void {
  res.render(view, locals, (error: Error | null, body?: string) => {
    if (error) return res.req.next?.(error)
    res.render('layout', { ...locals, body })
  })
}
