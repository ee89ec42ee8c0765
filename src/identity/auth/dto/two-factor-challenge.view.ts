/** The password was right; the second factor is still to come, at `POST /v1/auth/login/2fa`. */
export class TwoFactorChallengeView {
  /** Always true. */
  twoFactorRequired: boolean;
  challengeToken: string;
}
