import type { AccountService } from '../channels/account-service.ts'
import type { ConnectSession } from './connect-session-service.ts'
import { findKnownRefusals, type KnownRefusal, type PartnerAddresses } from './known-refusals.ts'

interface Dependencies {
  readonly accounts: AccountService
  readonly partner: PartnerAddresses
}

/** What can be known of a session's client before it visits 360dialog. */
export interface Outlook {
  readonly refusals: readonly KnownRefusal[]
  /** 360dialog knows the customer: it has numbers that are connected here. */
  readonly hasAccount: boolean
}

/** Finds out before the visit what 360dialog will refuse. */
export class KnownRefusalService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** For somebody new, who has typed this address, or none yet. */
  async ofVisitor(email: string | undefined): Promise<readonly KnownRefusal[]> {
    const { accounts, partner } = this.#dependencies
    return findKnownRefusals({ email, partner, accounts: [], hub: await accounts.findHub() })
  }

  async ofSession({ tenantId, email, number }: ConnectSession): Promise<Outlook> {
    const { accounts, partner } = this.#dependencies
    const own = await accounts.listOfTenant(tenantId, number)
    const hub = await accounts.findHub()
    return {
      refusals: findKnownRefusals({ email, partner, accounts: own, hub }),
      hasAccount: own.length > 0,
    }
  }
}
