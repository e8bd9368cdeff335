const KEPT = 64;
const LEAST = 8;

/**
 * The usual time between observations of a series: the median over time of the last 64 gaps, that is the gap
 * length such that half of the time is spent in gaps at least so long. The plain median would be misled where
 * many entities report within seconds of each other and then all wait for an hour. The longest gap is left out: it
 * may be an outage from before enough was known to tell. Gaps under `resolutionMs` are summed up to it, so that 64 of
 * them cover some time.
 */
export class Spacing {
  readonly gapsMs: number[];
  private readonly resolutionMs: number;
  private shortMs: number;
  private usual: number | null | undefined;

  constructor(resolutionMs: number, gapsMs: readonly number[] = [], denseMs = 0) {
    this.resolutionMs = resolutionMs;
    this.gapsMs = [...gapsMs];
    this.shortMs = denseMs;
  }

  /** Time in short gaps that makes no whole `resolutionMs` yet. */
  get denseMs(): number {
    return this.shortMs;
  }

  add(gapMs: number): void {
    let entry = gapMs;
    if (gapMs < this.resolutionMs) {
      this.shortMs += gapMs;
      if (this.shortMs < this.resolutionMs) return;
      entry = this.resolutionMs;
      this.shortMs -= this.resolutionMs;
    }
    this.gapsMs.push(entry);
    if (this.gapsMs.length > KEPT) this.gapsMs.shift();
    this.usual = undefined;
  }

  /** Milliseconds; null while fewer than eight gaps are known. */
  usualMs(): number | null {
    this.usual ??= this.gapsMs.length < LEAST ? null : medianOverTime(this.gapsMs);
    return this.usual;
  }
}

function medianOverTime(gapsMs: readonly number[]): number {
  const descending = gapsMs.toSorted((a, b) => b - a).slice(1);
  const half = descending.reduce((sum, gap) => sum + gap, 0) / 2;
  let sum = 0;
  for (const gap of descending) {
    sum += gap;
    if (sum >= half) return gap;
  }
  return descending.at(-1)!;
}
