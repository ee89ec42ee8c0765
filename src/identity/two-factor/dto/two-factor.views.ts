export class TwoFactorSetupView {
  /** Base32, for typing into an authenticator app; shown here only. */
  secret: string;
  /** The same as an address that authenticator apps open. */
  otpauthUrl: string;
  /** The address as a QR code: `data:image/png;base64,…`. */
  qrCode: string;
  /** The QR code in block characters, for terminals. */
  qrText: string;
}

export class BackupCodesView {
  /** Ten codes that work once each; shown here only. */
  backupCodes: string[];
}

export class TwoFactorStateView {
  enabled: boolean;
  /** Unused backup codes. */
  backupCodesLeft: number;
}
