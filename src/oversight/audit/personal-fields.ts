/** How one resource type shows its personal fields in the audit log. */
export interface PersonalView {
  /** The scope that sees them unmasked, such as `clients:pii`. */
  readonly scope: string;
  readonly mask: (values: Record<string, unknown>) => Record<string, unknown>;
}

/** Resource types with personal data; each feature registers its own at start. */
export class PersonalViews {
  private readonly views = new Map<string, PersonalView>();

  register(resourceType: string, view: PersonalView): void {
    this.views.set(resourceType, view);
  }

  /** @throws for a type that seals values but registered no view: showing them would be a guess */
  of(resourceType: string): PersonalView {
    const view = this.views.get(resourceType);
    if (!view) throw new Error(`resource type ${resourceType} has sealed audit values but no view`);
    return view;
  }
}
