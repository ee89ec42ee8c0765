import { ValidateIf } from 'class-validator';

/** The field may be missing, but when it is sent it has a value: null is refused (unlike `@IsOptional`). */
export const MayBeLeftOut = (): PropertyDecorator =>
  ValidateIf((_object, value: unknown) => value !== undefined);
