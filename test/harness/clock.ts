import { Clock } from '../../src/platform/clock/clock.js';
import type { TestApp } from './test-app.js';

/** Moves the application's clock (not the database's) away from the real time. */
export function moveClock({ app }: TestApp, byMs: number): void {
  app.get(Clock, { strict: false }).nowMs = () => Date.now() + byMs;
}
