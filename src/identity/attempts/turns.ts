/** Lets a bounded number of tasks of one key run at once in this process; the others wait in order. */
export class Turns {
  private readonly lines = new Map<string, { running: number; waiting: (() => void)[] }>();

  /** @param width tasks of this key at once */
  async take<T>(key: string, width: number, task: () => Promise<T>): Promise<T> {
    const line = this.lines.get(key) ?? { running: 0, waiting: [] };
    this.lines.set(key, line);
    if (line.running < width) line.running++;
    else await new Promise<void>((resolve) => line.waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = line.waiting.shift();
      if (next) next();
      else if (--line.running === 0) this.lines.delete(key);
    }
  }
}
