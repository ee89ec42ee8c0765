import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayUnique, IsArray, ValidateBy } from 'class-validator';
import { eachItem } from '../../platform/openapi/validation-rules.js';
import { plainTextProblem } from '../../platform/http/validators/plain-text.js';

const MAX_TAGS = 50;
const MAX_LENGTH = 50;

/** Up to 50 different labels of up to 50 characters. */
export function Tags(): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ type: [String], ...eachItem({ minLength: 1, maxLength: MAX_LENGTH }) }),
    IsArray(),
    ArrayMaxSize(MAX_TAGS),
    ArrayUnique(),
    ValidateBy(
      {
        name: 'tag',
        validator: {
          validate: (value: unknown) => plainTextProblem(value, MAX_LENGTH, false) === null,
          defaultMessage: (args) =>
            `each tag ${plainTextProblem(args?.value, MAX_LENGTH, false) ?? 'is a short text'}`,
        },
      },
      { each: true },
    ),
  );
}
