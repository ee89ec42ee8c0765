/** One page of a list, with the cursor of the next. Handlers return it; the envelope puts the cursor into `meta`. */
export class Page<T> {
  constructor(
    readonly items: readonly T[],
    readonly nextCursor: string | null,
    readonly limit: number,
  ) {}

  map<U>(view: (item: T) => U): Page<U> {
    return new Page(this.items.map(view), this.nextCursor, this.limit);
  }
}
