import { Injectable, type PipeTransform } from '@nestjs/common';
import { validate as isUuid } from 'uuid';
import { invalidField } from './api-error.js';

/** An id in the path: a UUID, or 400. */
@Injectable()
export class RecordId implements PipeTransform<string, string> {
  transform(value: string): string {
    if (!isUuid(value)) throw invalidField('id', 'is not a UUID');
    return value.toLowerCase();
  }
}
