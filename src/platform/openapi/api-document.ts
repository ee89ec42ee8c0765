import { type INestApplication, Injectable } from '@nestjs/common';
import { buildDocument } from './build-document.js';
import type { OpenApi } from './open-api.js';

/** The API document: built at the first question, kept as text. */
@Injectable()
export class ApiDocument {
  private source: (() => OpenApi) | null = null;
  private text: string | null = null;

  /** @param app initialised: its routes must exist */
  describe(app: INestApplication): void {
    this.source = () => buildDocument(app);
  }

  json(): string {
    if (this.source === null) throw new Error('describe() the application first');
    this.text ??= JSON.stringify(this.source());
    return this.text;
  }
}
