/**
 * Median times of several pieces of work in milliseconds. They take turns, in an order that is reversed each round, so
 * that a busy moment hits all of them.
 */
export async function medianTimesMs(
  works: readonly (() => Promise<unknown>)[],
  rounds: number,
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
  return times.map((each) => each.sort((a, b) => a - b)[Math.floor(each.length / 2)]);
}
