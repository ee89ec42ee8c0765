export class TeamView {
  id: string;
  name: string;
  /** Region of phone numbers written without a country code: ISO 3166-1 alpha-2. */
  defaultRegion: string;
  version: number;
  /** ISO 8601. */
  createdAt: string;
  /** ISO 8601. */
  updatedAt: string;
}
