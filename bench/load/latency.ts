const BUCKET_US = 10;
const BUCKETS = 200_000; // up to 2 s; slower ones count as 2 s

/** Latencies in fixed buckets of 10 µs: no allocation while measuring. */
export class Latencies {
  private readonly counts = new Uint32Array(BUCKETS);
  private total = 0;

  addMs(ms: number): void {
    this.counts[Math.min(BUCKETS - 1, Math.floor((ms * 1000) / BUCKET_US))]++;
    this.total++;
  }

  /** @param share 0 to 1 */
  percentileMs(share: number): number {
    const wanted = Math.ceil(this.total * share);
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.counts[bucket];
      if (seen >= wanted && seen > 0) return ((bucket + 1) * BUCKET_US) / 1000;
    }
    return 0;
  }
}
