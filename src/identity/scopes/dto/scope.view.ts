/** One entry of the catalogue. */
export class ScopeView {
  /** `resource:action`. */
  scope: string;
  description: string;
  /** Roles that hold it. */
  roles: string[];
  /** Whether an API key can carry it. */
  grantableToKeys: boolean;
}
