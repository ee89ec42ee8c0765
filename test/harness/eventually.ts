const PAUSE_MS = 25;

/** Repeats an assertion until it holds; for effects of other processes and of jobs, never for our own clock. */
export async function eventually(assertion: () => void | Promise<void>, withinMs = 15_000): Promise<void> {
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
