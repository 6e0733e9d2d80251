import { type Request, type RequestHandler, type Response, Router } from 'express'
import { InvalidInputError, UnauthenticatedError } from '../errors.ts'
import { paths } from '../paths.ts'
import { onlyMethod } from '../web/only-method.ts'
import { runMiddleware } from '../web/run-middleware.ts'
import { type Delivery, readDelivery } from './delivery.ts'
import type { NoticeService } from './notice-service.ts'
import { SignatureCheck } from './notice-signature.ts'

interface Dependencies {
  readonly notices: Pick<NoticeService, 'receive'>
  /** `require`: only what is signed; `warn`: also what is not; `off`: nothing is checked. */
  readonly signature: 'require' | 'warn' | 'off'
  readonly secrets: readonly string[]
  /** Holds for what nobody signed. */
  readonly limit: RequestHandler
  readonly onNotice: (outcome: NoticeOutcome) => void
}

export type NoticeOutcome = 'stored' | 'stored_again' | 'stored_unsigned' | 'refused'

/** The partner webhook: read to its end, checked, stored, and answered at once; a worker finds out what it means. */
export function createNoticeRoutes(dependencies: Dependencies): Router {
  const { onNotice } = dependencies
  const router = Router()

  router.all(paths.notices, onlyMethod('POST'))
  router.post(paths.notices, async (req, res) => {
    const outcome = await receive(dependencies, req, res).catch((error) => {
      onNotice('refused')
      throw error
    })
    onNotice(outcome)
    res.sendStatus(200)
  })

  return router
}

async function receive(dependencies: Dependencies, req: Request, res: Response): Promise<NoticeOutcome> {
  const { notices, limit } = dependencies
  const { events, ...delivery } = await read(dependencies, req)
  const isSigned = delivery.signature === 'valid'
  if (!isSigned) await runMiddleware(limit, req, res)
  if (!events)
    throw new InvalidInputError('This is not an event of 360dialog, nor a list of them, as JSON.', 400)
  const isKnown = await notices.receive({ ...delivery, events })
  if (!isSigned) return 'stored_unsigned'
  return isKnown ? 'stored_again' : 'stored'
}

/** @throws UnauthenticatedError before anything is stored; without a signature, before anything is read */
async function read({ signature, secrets }: Dependencies, req: Request): Promise<Delivery> {
  const check =
    signature === 'off' ? undefined : new SignatureCheck(req.get('x-360dialog-signature'), secrets)
  const isRequired = signature === 'require'
  if (isRequired && check?.isMissing) throw unsigned()
  const delivery = await readDelivery(req.iterator({ destroyOnReturn: false }), check).catch((error) => {
    // Who hangs up halfway has sent nothing.
    throw req.destroyed && !req.complete ? new InvalidInputError('This did not arrive whole.', 400) : error
  })
  if (isRequired && delivery.signature !== 'valid') throw unsigned()
  return delivery
}

function unsigned(): UnauthenticatedError {
  return new UnauthenticatedError('This is not signed with the platform secret of this Partner Hub.')
}
