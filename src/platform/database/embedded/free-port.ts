import { randomInt } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';

/** The only address the embedded server listens on. */
export const LOOPBACK = '127.0.0.1';

/** Below the ranges from which systems take the ports of outgoing connections, so the choice lasts. */
const FIRST_PORT = 15432;
const LAST_PORT = 30000;

/** Whether nothing listens on a port of the loopback address. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await tryPort(port)) !== null;
}

/** A port nothing listens on. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const port = await tryPort(randomInt(FIRST_PORT, LAST_PORT));
    if (port !== null) return port;
  }
  const any = await tryPort(0);
  if (any === null) throw new Error(`No free port on ${LOOPBACK}`);
  return any;
}

async function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(null));
    probe.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      const bound = (probe.address() as AddressInfo).port;
      probe.close(() => resolve(bound));
    });
  });
}
