import { type Requirement, requirementOf } from '../../src/channels/requirement.ts'
import type { ConnectSession } from '../../src/onboarding/connect-session-service.ts'
import { type NumberState, numberStates } from '../../src/onboarding/number-state.ts'
import {
  type Progress,
  type Situation,
  type Step,
  type StepName,
  situations,
} from '../../src/onboarding/progress.ts'
import type { Site } from '../site.ts'

/** How the five steps stand on the page of each status. */
const STEPS: Record<Situation, readonly Step['state'][]> = {
  launched: ['current', 'todo', 'todo', 'todo', 'todo'],
  elsewhere: ['current', 'todo', 'todo', 'todo', 'todo'],
  no_place: ['current', 'todo', 'todo', 'todo', 'todo'],
  returned: ['done', 'current', 'todo', 'todo', 'todo'],
  not_listed_yet: ['done', 'current', 'todo', 'todo', 'todo'],
  not_listed: ['done', 'stopped', 'todo', 'todo', 'todo'],
  owner: ['done', 'current', 'todo', 'todo', 'todo'],
  waiting: ['done', 'done', 'current', 'todo', 'todo'],
  with_support: ['done', 'done', 'done', 'current', 'todo'],
  no_access: ['done', 'current', 'todo', 'todo', 'todo'],
  linking: ['done', 'done', 'done', 'current', 'todo'],
  permission: ['done', 'done', 'done', 'done', 'current'],
  deletion: ['done', 'done', 'done', 'done', 'done'],
  finishing: ['done', 'done', 'done', 'done', 'done'],
  ended: ['done', 'done', 'stopped', 'todo', 'todo'],
  completed: ['done', 'done', 'done', 'done', 'done'],
  needs_review: ['done', 'stopped', 'todo', 'todo', 'todo'],
  revoked: ['stopped', 'todo', 'todo', 'todo', 'todo'],
  refused: ['done', 'stopped', 'todo', 'todo', 'todo'],
  declined: ['stopped', 'todo', 'todo', 'todo', 'todo'],
  failed: ['done', 'done', 'done', 'done', 'stopped'],
  expired: ['stopped', 'todo', 'todo', 'todo', 'todo'],
}
const STEP_NAMES: readonly StepName[] = ['permission', 'check', 'activation', 'key', 'connected']

/** Lets the site's own status page show each state, also those that last a moment only, and numbers in every state. */
export function showEveryStatus(site: Site, tenantName: string): void {
  const session = { code: 'K7Q-2MD', tenantName, origin: 'link' } as ConnectSession
  const progressOf = (
    situation: Situation,
    numbers: readonly NumberState[],
    requirement?: Requirement,
  ): Progress => ({
    status: 'waiting',
    situation,
    canStartAgain: situation === 'launched' || situation === 'no_place',
    refusals: situation === 'no_place' ? [{ code: 'limit_used_up', used: 12, limit: 12 }] : [],
    requirements: requirement ? [requirement] : [],
    steps: STEP_NAMES.map((name, place) => ({
      name,
      state: STEPS[situation][place] ?? 'todo',
      at: undefined,
    })),
    numbers: numbers.map((state) => ({ phoneNumber: '+493012345678', state, works: false, requirement })),
    ownerEmail: situation === 'owner' ? 'anna@shop.example' : undefined,
  })
  site.context.status.find = async (id) => {
    if (id === 'broken') throw new Error('a fault that this test set')
    if (id === 'every-number') return { session, progress: progressOf('waiting', numberStates) }
    if (id === 'late') {
      const late = requirementOf('activation', new Date(0), new Date())
      return { session, progress: progressOf('waiting', numberStates, late) }
    }
    const situation = situations.find((one) => one === id)
    return situation && { session, progress: progressOf(situation, []) }
  }
}
