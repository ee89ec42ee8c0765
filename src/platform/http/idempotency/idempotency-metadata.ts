import { SetMetadata } from '@nestjs/common';

export const SECRET_ANSWER_KEY = Symbol('latchkey:secret-answer');

/** The answer shows a secret once: it is never stored for a replay. */
export const SecretAnswer = (): MethodDecorator => SetMetadata(SECRET_ANSWER_KEY, true);
