import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ValidateBy } from 'class-validator';

// C0 and C1 controls but tab and line breaks, bidirectional overrides, and unpaired surrogates.
const FORBIDDEN =
  // eslint-disable-next-line no-control-regex -- naming them is the point
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const LINE_BREAK = /[\n\r\t]/;
/** What masks put in place of a letter; sending it back would overwrite the real value with the mask. */
const MASKED = /\*{2,}|•{2,}/;

/** Why a text cannot be taken, or null. */
export function plainTextProblem(value: unknown, maxLength: number, multiline: boolean): string | null {
  if (typeof value !== 'string') return 'is a text';
  if (value.trim() === '') return 'is not empty';
  if (value.length > maxLength) return `has at most ${maxLength} characters`;
  if (FORBIDDEN.test(value) || (!multiline && LINE_BREAK.test(value))) return 'holds no control characters';
  if (MASKED.test(value)) return 'is masked; send the real value or leave the field out';
  return null;
}

/** Text of 1 to `maxLength` characters, without control characters and without a mask. */
export function PlainText(maxLength: number, options: { multiline?: boolean } = {}): PropertyDecorator {
  const multiline = options.multiline ?? false;
  return applyDecorators(
    ApiProperty({ type: String, minLength: 1, maxLength }),
    ValidateBy({
      name: 'plainText',
      validator: {
        validate: (value: unknown) => plainTextProblem(value, maxLength, multiline) === null,
        defaultMessage: (args) => plainTextProblem(args?.value, maxLength, multiline) ?? 'is a text',
      },
    }),
  );
}

/** For values with a format of their own: not one that came back masked. */
export const NotMasked = (): PropertyDecorator =>
  ValidateBy({
    name: 'notMasked',
    validator: {
      validate: (value: unknown) => typeof value !== 'string' || !MASKED.test(value),
      defaultMessage: () => 'is masked; send the real value or leave the field out',
    },
  });
