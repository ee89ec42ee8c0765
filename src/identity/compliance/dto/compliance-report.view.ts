export class ReportPeriodView {
  /** ISO 8601. */
  from: string;
  /** ISO 8601. */
  to: string;
}

/** One member's access at the time of the report. */
export class ReportMemberView {
  userId: string;
  name: string;
  role: string;
  twoFactorEnabled: boolean;
  disabled: boolean;
  /** ISO 8601, of the newest session; null without one. */
  lastSignInAt: string | null;
}

/** Changes of one kind of record in the period. */
export class ReportChangesView {
  resourceType: string;
  created: number;
  updated: number;
  deleted: number;
}

/** One API key, whatever its state. */
export class ReportKeyView {
  id: string;
  name: string;
  environment: string;
  /** The person who made it. */
  createdBy: string;
  createdAt: string;
  expiresAt: string;
  lastUsedAt: string | null;
  revokedAt: string | null;
}

export class ReportTwoFactorView {
  members: number;
  enabled: number;
  /** From 0 to 1. */
  coverage: number;
  /** Owners and admins without a second factor. */
  managersWithout: number;
}

/** Security events of one type in the period. */
export class ReportEventsView {
  type: string;
  severity: string;
  count: number;
}

export class ReportRetentionView {
  /** ISO 8601, of the oldest audit row that is kept; null while there is none. */
  oldestAuditRowAt: string | null;
  /** Signed batches of the audit log. */
  sealedBatches: number;
  /** Erasures of a person's data in the period. */
  erasures: number;
}

/** What an auditor asks of a team, for one period. */
export class ComplianceReportView {
  /** ISO 8601. */
  generatedAt: string;
  teamId: string;
  teamName: string;
  period: ReportPeriodView;
  access: ReportMemberView[];
  changes: ReportChangesView[];
  keys: ReportKeyView[];
  twoFactor: ReportTwoFactorView;
  /** Refused sign-ins of the team's members in the period. */
  failedLogins: number;
  securityEvents: ReportEventsView[];
  retention: ReportRetentionView;
}
