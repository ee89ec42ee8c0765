import { applyDecorators } from '@nestjs/common';
import { ArrayMaxSize, ArrayUnique, IsArray, ValidateBy } from 'class-validator';
import { plainTextProblem } from '../../platform/http/validators/plain-text.js';

const MAX_TAGS = 50;
const MAX_LENGTH = 50;

/** Up to 50 different labels of up to 50 characters. */
export function Tags(): PropertyDecorator {
  return applyDecorators(
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
