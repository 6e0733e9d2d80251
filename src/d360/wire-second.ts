/** A time of ours as 360dialog would write it: in whole seconds, so that the two can be compared (contract 4.3). */
export function toWireSecond(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000)
}
