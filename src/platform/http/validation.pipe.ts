import { type ArgumentMetadata, Injectable, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { ApiError, type ErrorDetail, invalidField } from './api-error.js';
import { FlatInput, type InputClass } from './flat-input.js';

/** Validates bodies and queries against their DTO class; unknown fields are refused by name. */
@Injectable()
export class ApiValidationPipe extends ValidationPipe {
  private readonly flat = new FlatInput();

  constructor() {
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      validationError: { target: false, value: true },
      exceptionFactory: (errors) =>
        new ApiError('VALIDATION_FAILED', 'The request has invalid fields.', {
          details: detailsOf(errors, ''),
        }),
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    // An argument that our own decorators make is no input.
    if (metadata.type === 'custom') return value;
    if (
      typeof value === 'object' &&
      value !== null &&
      (metadata.type === 'body' || metadata.type === 'query')
    ) {
      // The transformer passes over names that every object has, so the whitelist never sees them.
      const inherited = Object.keys(value).find((name) => name in Object.prototype);
      if (inherited !== undefined) throw invalidField(inherited, 'is not a known field');
      const input = metadata.metatype && this.flat.accept(metadata.metatype as InputClass, value);
      if (input) return input;
    }
    return super.transform(value, metadata) as Promise<unknown>;
  }
}

function detailsOf(errors: readonly ValidationError[], prefix: string): ErrorDetail[] {
  return errors.flatMap((error) => {
    // The name of an unknown field is the sender's; a terminal that shows the answer must not obey it.
    const field = prefix + error.property.replace(/\p{Cc}/gu, '');
    const own = messagesOf(error).map((message) => ({ field, message }));
    return [...own, ...detailsOf(error.children ?? [], `${field}.`)];
  });
}

/** Of a field that is not there, only that: every other rule of it is broken as well. Values are looked at, never told. */
function messagesOf({ value, constraints }: ValidationError): string[] {
  if (constraints === undefined) return [];
  return value === undefined ? ['is required'] : Object.values(constraints).map(sentence);
}

function sentence(message: string): string {
  return message.startsWith('property ') && message.endsWith('should not exist')
    ? 'is not a known field'
    : message;
}
