import { Injectable } from '@nestjs/common';

/** The one source of the present time, so that tests can move it. */
@Injectable()
export class Clock {
  /** The last moment that was shown, and how: many ask within one millisecond. */
  private shownMs = Number.NaN;
  private shown = '';

  /** Milliseconds since 1970, UTC. */
  nowMs(): number {
    return Date.now();
  }

  now(): Date {
    return new Date(this.nowMs());
  }

  /** ISO 8601 UTC with milliseconds, as the API shows times. */
  nowIso(): string {
    const ms = this.nowMs();
    if (ms !== this.shownMs) {
      this.shownMs = ms;
      this.shown = new Date(ms).toISOString();
    }
    return this.shown;
  }
}
