import { isEmail, ValidateBy, type ValidationOptions } from 'class-validator';

/** Half of a character: `isEmail` measures texts with `encodeURI`, which throws for one. */
const UNPAIRED_SURROGATE = /\p{Surrogate}/u;

/** An address that mail can be sent to. For accounts, `IsEmailAddress` is stricter. */
export const MailAddress = (options?: ValidationOptions): PropertyDecorator =>
  ValidateBy(
    {
      name: 'mailAddress',
      validator: {
        validate: (value: unknown) =>
          typeof value === 'string' && !UNPAIRED_SURROGATE.test(value) && isEmail(value),
        defaultMessage: () => 'is not an e-mail address',
      },
    },
    options,
  );
