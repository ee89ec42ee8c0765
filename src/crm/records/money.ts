import { applyDecorators } from '@nestjs/common';
import { IsInt, Matches, Max, Min } from 'class-validator';

/** Far above any house and far below where a double loses whole cents. */
const MAX_MINOR_UNITS = 1_000_000_000_000_000;

/** An amount in minor units (cents), never a fraction. */
export const MinorUnits = (): PropertyDecorator => applyDecorators(IsInt(), Min(0), Max(MAX_MINOR_UNITS));

/** An ISO 4217 code. */
export const Currency = (): PropertyDecorator =>
  Matches(/^[A-Z]{3}$/, { message: 'is an ISO 4217 code, such as USD' });
