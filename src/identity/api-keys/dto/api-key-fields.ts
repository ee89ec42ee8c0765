import { applyDecorators } from '@nestjs/common';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsISO8601,
  IsInt,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';

/** Scopes of the catalogue, each once; which of them may be given is the service's question. */
export const ScopeList = (): PropertyDecorator =>
  applyDecorators(
    IsArray(),
    ArrayMaxSize(100),
    ArrayUnique(),
    IsString({ each: true }),
    MaxLength(64, { each: true }),
  );

/** Texts that the service reads strictly as addresses and ranges. */
export const AddressRanges = (): PropertyDecorator =>
  applyDecorators(
    IsArray(),
    ArrayMaxSize(100),
    ArrayUnique(),
    IsString({ each: true }),
    MaxLength(64, { each: true }),
  );

/** A date, or a moment with its time zone: without one it would mean the server's. */
export const Moment = (): PropertyDecorator =>
  applyDecorators(
    IsISO8601({ strict: true, strictSeparator: true }),
    Matches(/^\d{4}-\d\d-\d\d(T.*(Z|[+-]\d\d:?\d\d))?$/, { message: 'is a date, or a time with its zone' }),
    MaxLength(40),
  );

export const RequestsPerMinute = (): PropertyDecorator => applyDecorators(IsInt(), Min(1), Max(100_000));
