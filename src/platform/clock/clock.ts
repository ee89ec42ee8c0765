import { Injectable } from '@nestjs/common';

/** The one source of the present time, so that tests can move it. */
@Injectable()
export class Clock {
  /** Milliseconds since 1970, UTC. */
  nowMs(): number {
    return Date.now();
  }

  now(): Date {
    return new Date(this.nowMs());
  }

  /** ISO 8601 UTC with milliseconds, as the API shows times. */
  nowIso(): string {
    return this.now().toISOString();
  }
}
