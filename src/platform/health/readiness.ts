import { Injectable } from '@nestjs/common';

/** Whether this instance wants requests: no longer once it has been told to end. */
@Injectable()
export class Readiness {
  private ending = false;

  get draining(): boolean {
    return this.ending;
  }

  /** From now on `/readyz` is 503; everything else is answered as before. */
  drain(): void {
    this.ending = true;
  }
}
