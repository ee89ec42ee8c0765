/** Ends a hook in Fastify's callback form with what became of its work; for hooks that seldom have any to wait for. */
export async function doneAfter(work: Promise<void>, done: (error?: Error) => void): Promise<void> {
  try {
    await work;
  } catch (error) {
    done(error as Error);
    return;
  }
  done();
}
