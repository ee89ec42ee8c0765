import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ValidateBy } from 'class-validator';

// A moment needs its offset: without one it would mean another time on another server.
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const EARLIEST_MS = Date.UTC(1900, 0, 1);
const LATEST_MS = Date.UTC(2200, 0, 1);

/** The moment as stored and shown, or null when the text is none. @param dayToo a bare date means its midnight in UTC */
export function storedMoment(value: unknown, dayToo: boolean): string | null {
  if (typeof value !== 'string' || value.length > 40) return null;
  if (!MOMENT.test(value) && !(dayToo && DAY.test(value))) return null;
  const ms = Date.parse(value);
  if (!(ms >= EARLIEST_MS && ms < LATEST_MS)) return null;
  // Date.parse takes the 31st of any month; its own rendering shows when the day was moved on.
  const day = new Date(Date.parse(`${value.slice(0, 10)}T00:00:00Z`)).toISOString().slice(0, 10);
  return day === value.slice(0, 10) ? new Date(ms).toISOString() : null;
}

/** An ISO 8601 moment with its offset, kept in UTC; with `dayToo` a bare date as well. */
export function Moment(options: { dayToo?: boolean } = {}): PropertyDecorator {
  const dayToo = options.dayToo ?? false;
  return applyDecorators(
    ApiProperty({ type: String, format: 'date-time', maxLength: 40 }),
    Transform(({ value }: { value: unknown }) => storedMoment(value, dayToo) ?? value),
    ValidateBy({
      name: 'moment',
      validator: {
        validate: (value: unknown) => storedMoment(value, dayToo) !== null,
        defaultMessage: () =>
          dayToo
            ? 'is an ISO 8601 date, or date and time with an offset'
            : 'is an ISO 8601 date and time with an offset, such as 2026-11-30T09:00:00Z',
      },
    }),
  );
}
