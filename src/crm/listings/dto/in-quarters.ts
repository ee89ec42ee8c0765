import { ValidateBy } from 'class-validator';

/** A multiple of a quarter; class-validator's own divisibility rounds to whole numbers. */
export const InQuarters = (): PropertyDecorator =>
  ValidateBy({
    name: 'inQuarters',
    validator: {
      validate: (value: unknown) => typeof value === 'number' && Number.isInteger(value * 4),
      defaultMessage: () => 'is a multiple of 0.25',
    },
  });
