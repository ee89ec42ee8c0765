const ATTEMPTS = 5;
const PAUSE_MS = 500;

/**
 * Repeats a whole measurement of time until its assertion holds, at most five times, with pauses in between. Other work on
 * the machine only makes a measurement worse: one that holds is the proof, and what is really too slow fails each time.
 *
 * A number that must be exact is no measurement: `wasDisturbed` then tells whether something known came between, and without it
 * the first failure counts.
 *
 * @throws the failure of the last attempt
 */
export async function inAQuietMoment(
  measurement: () => void | Promise<void>,
  wasDisturbed = (): boolean => true,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await measurement();
      return;
    } catch (error) {
      if (attempt === ATTEMPTS || !wasDisturbed()) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
