/** A file that lies sealed in the database, and belongs to nobody until an import of its id commits. */
export class ReceivedUpload {
  /** Whether an import took it over. */
  kept = false;

  constructor(
    /** Of the import that is going to be. */
    readonly id: string,
    /** Its data key. */
    readonly wrapped: Buffer,
    readonly fields: Readonly<Record<string, string>>,
    /** Of the file, hex. */
    private readonly sha256: string,
  ) {}

  /** What makes this request the same as another: `Idempotency-Key` compares it. */
  toJSON(): object {
    return { fields: this.fields, file: this.sha256 };
  }
}
