const PAUSE_MS = 20;

/** What `look` finds once it is not empty; for things that happen shortly after an answer. */
export async function until<T>(look: () => Promise<T[]>, limitMs = 90_000): Promise<T[]> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found.length > 0) return found;
    if (Date.now() > deadline) throw new Error(`nothing happened within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
