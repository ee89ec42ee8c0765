export class StepUpView {
  /** ISO 8601: until then the session opens sensitive routes. */
  freshUntil: string;
}
