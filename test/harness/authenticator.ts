import { totpCode, totpStep } from '../../src/identity/two-factor/totp.js';
import type { HttpClient } from './http-client.js';
import { moveClock } from './clock.js';
import type { TestApp } from './test-app.js';

const STEP_MS = 30_000;

/** A phone with an authenticator app. Its clock and the application's go together. */
export class Authenticator {
  private aheadMs = 0;

  constructor(
    private readonly app: TestApp,
    readonly secret: string,
    readonly backupCodes: string[] = [],
  ) {}

  /** Waits for the next code: the application's clock moves by one step. */
  next(): string {
    this.wait(STEP_MS);
    return this.code();
  }

  /** The code that the phone shows now, or some steps from now. */
  code(steps = 0): string {
    return totpCode(this.secret, totpStep(Date.now() + this.aheadMs) + steps);
  }

  wait(byMs: number): void {
    this.aheadMs += byMs;
    moveClock(this.app, this.aheadMs);
  }

  /** Six digits that are not valid now. */
  wrong(): string {
    const near = [-1, 0, 1].map((steps) => this.code(steps));
    return ['000000', '111111', '222222', '333333'].find((code) => !near.includes(code)) ?? '';
  }
}

/** Sets up and turns on the second factor of whoever speaks through `http`. */
export async function enableTwoFactor(app: TestApp, http: HttpClient): Promise<Authenticator> {
  const setup = await http.post('/v1/auth/2fa/setup');
  if (setup.status !== 200) throw new Error(`2fa/setup answered ${setup.status}: ${setup.text}`);
  const phone = new Authenticator(app, setup.json.data.secret);
  moveClock(app, 0);
  const enabled = await http.post('/v1/auth/2fa/enable', { code: phone.code() });
  if (enabled.status !== 200) throw new Error(`2fa/enable answered ${enabled.status}: ${enabled.text}`);
  return new Authenticator(app, phone.secret, enabled.json.data.backupCodes);
}
