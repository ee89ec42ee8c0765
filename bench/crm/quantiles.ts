/**
 * Median times of several pieces of work in milliseconds. They take turns, in an order that is reversed each round, so
 * that a busy moment hits all of them.
 */
export function medianTimesMs(works: readonly (() => Promise<unknown>)[], rounds: number): Promise<number[]> {
  return quantileTimesMs(works, rounds, 1 / 2);
}

/**
 * The same for another quantile. A low one tells what the work itself costs on a machine that others keep busy. Not the
 * minimum: PostgreSQL plans a prepared statement anew five times, and the plan it keeps afterwards can be a worse one.
 *
 * @param quantile from 0 to below 1
 */
export async function quantileTimesMs(
  works: readonly (() => Promise<unknown>)[],
  rounds: number,
  quantile: number,
): Promise<number[]> {
  const times = works.map((): number[] => []);
  const order = works.map((_, i) => i);
  for (let round = 0; round < rounds; round++) {
    order.reverse();
    for (const i of order) {
      const startedMs = performance.now();
      await works[i]();
      times[i].push(performance.now() - startedMs);
    }
  }
  return times.map((each) => each.sort((a, b) => a - b)[Math.floor(each.length * quantile)]);
}
