import type { Log } from '../logging/log.js';

/**
 * Gives back what only the start needed: metadata that was read once, the parts of documents, a young generation that grew to
 * its full size while everything that was made stayed. Node collects nothing while it is idle, so an instance at rest would hold
 * 70 MB of it until its first busy minute. It takes about a tenth of a second; call before the first request. A Node without its inspector, or one
 * that may not use it, starts all the same.
 */
export async function releaseStartUpMemory(log: Log): Promise<void> {
  try {
    const { Session } = await import('node:inspector/promises');
    const session = new Session();
    session.connect();
    await session.post('HeapProfiler.collectGarbage').finally(() => session.disconnect());
  } catch (error) {
    log.debug(`the memory of the start is kept: ${error instanceof Error ? error.message : 'unknown'}`);
  }
}
