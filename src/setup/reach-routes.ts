import { type Request, Router } from 'express'
import { paths } from '../paths.ts'
import { answerReach, MADE_UP_ADDRESS, REACH_HEADER, type Sight } from './reach.ts'

interface Dependencies {
  readonly secrets: readonly string[]
  /** With https there is a proxy: this site itself speaks http. */
  readonly isBehindProxy: boolean
}

/** Answers our own question whether a visitor is taken for who it is. Everybody else's goes on to the next route. */
export function createReachRoutes({ secrets, isBehindProxy }: Dependencies): Router {
  const router = Router()
  router.get(paths.healthz, (req, res, next) => {
    const answer = answerReach(req.get(REACH_HEADER), secrets, judgeSight(req, isBehindProxy))
    if (!answer) return next()
    res.json({ status: 'alive', ...answer })
  })
  return router
}

/** The visitor is what the outermost proxy saw: the first address behind the one that was made up. */
function judgeSight(req: Request, isBehindProxy: boolean): Sight {
  const forwarded = (req.get('x-forwarded-for') ?? '').split(', ').filter(Boolean)
  const [visitor] = forwarded.slice(forwarded.lastIndexOf(MADE_UP_ADDRESS) + 1)
  if (req.ip === MADE_UP_ADDRESS) return 'too_many'
  if (visitor === undefined) return isBehindProxy ? 'not_told' : 'right'
  return req.ip === visitor ? 'right' : 'too_few'
}
