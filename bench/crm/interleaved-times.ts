/** PostgreSQL plans a prepared statement anew five times; the plan that it may keep afterwards is the one to measure. */
const WARM_UP_ROUNDS = 6;

type Work = () => Promise<unknown>;

/** Median times of several pieces of work in milliseconds: what a caller waits, on a machine that does nothing else. */
export async function medianTimesMs(works: readonly Work[], rounds: number): Promise<number[]> {
  const times = await interleavedTimesMs(works, rounds);
  return times.map((each) => each[Math.floor(each.length / 2)]);
}

/** The shortest times in milliseconds: what the work itself costs, on a machine that others keep busy. */
export async function shortestTimesMs(works: readonly Work[], rounds: number): Promise<number[]> {
  const times = await interleavedTimesMs(works, rounds);
  return times.map(([shortest]) => shortest);
}

/**
 * The times of each piece of work, the shortest first. They take turns, in an order that is reversed each round, so that a
 * busy moment hits all of them.
 */
async function interleavedTimesMs(works: readonly Work[], rounds: number): Promise<number[][]> {
  const times = works.map((): number[] => []);
  const order = works.map((_, i) => i);
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    order.reverse();
    for (const i of order) {
      const startedMs = performance.now();
      await works[i]();
      if (round >= 0) times[i].push(performance.now() - startedMs);
    }
  }
  return times.map((each) => each.sort((a, b) => a - b));
}
