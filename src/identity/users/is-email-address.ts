import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ValidateBy } from 'class-validator';
import { EMAIL_MAX_BYTES, isEmailAddress } from './email-address.js';

/** A bounded address without control or invisible characters. */
export function IsEmailAddress(): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ type: String, format: 'email', maxLength: EMAIL_MAX_BYTES }),
    ValidateBy({
      name: 'isEmailAddress',
      validator: {
        validate: (value: unknown) => typeof value === 'string' && isEmailAddress(value),
        defaultMessage: () => 'is not an e-mail address',
      },
    }),
  );
}
