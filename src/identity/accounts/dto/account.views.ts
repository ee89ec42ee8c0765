export class PasswordChangedView {
  /** ISO 8601. */
  passwordChangedAt: string;
}

/** The same for every address. */
export class ForgotPasswordView {
  accepted: boolean;
}

export class EmailVerifiedView {
  /** ISO 8601. */
  emailVerifiedAt: string;
}
