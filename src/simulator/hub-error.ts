/** The hub's refusal of a call, with the HTTP status that 360dialog would answer. */
export class HubError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}
