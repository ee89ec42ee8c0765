const PAUSE_MS = 25;

/**
 * Repeats an assertion until it holds; for effects of other processes and of jobs, never for our own clock. The limit only
 * ends what hangs: a job that failed pauses for up to half a minute, and a busy machine takes several times as long.
 */
export async function eventually(assertion: () => void | Promise<void>, withinMs = 90_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      await assertion();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

/**
 * The same for what a notice between instances brings: at once, and {@link inAQuietMoment} measures how soon. A cache that
 * missed its notice keeps what it has for a minute, which is more than this waits.
 */
export const soon = (assertion: () => void | Promise<void>): Promise<void> => eventually(assertion, 20_000);
