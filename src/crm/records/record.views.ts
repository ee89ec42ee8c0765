/** What every record shows. */
export class RecordView {
  id: string;
  /** The member of the team whose record it is, or null. */
  ownerId: string | null;
  /** Rises with every change; the `ETag` is made of it. */
  version: number;
  /** ISO 8601. */
  createdAt: string;
  /** ISO 8601. */
  updatedAt: string;
}

/** What is left to say of an archived record. */
export class ArchivedView {
  id: string;
  archived: boolean;
}

/** What is left to say of an erased record. */
export class ErasedView {
  id: string;
  erased: boolean;
}
