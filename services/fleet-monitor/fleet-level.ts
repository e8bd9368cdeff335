/** Metrics of a series that are looked at: the first ones seen. */
export const PRINT_METRICS = 8;

/** Of each metric. */
interface Moments {
  readonly counts: number[];
  readonly means: number[];
  /** Sums of squared deviations. */
  readonly squares: number[];
}

export interface LevelState {
  readonly past: Moments;
  readonly current: Moments;
  readonly observations: number;
}

const nothing = (): Moments => ({ counts: [], means: [], squares: [] });

/**
 * Where a fleet as a whole stands: mean and spread of each metric over all observations of the past hour, or of the
 * last hours where one of them has fewer observations than the fleet has entities. Entities are seen against it, so
 * that what moves all of them (load, the time of day, an incident) tells nobody apart.
 */
export class FleetLevel {
  private past: Moments;
  private current: Moments;
  private observations: number;
  private readonly scores = new Float64Array(PRINT_METRICS);

  constructor(
    { past, current, observations }: LevelState = { past: nothing(), current: nothing(), observations: 0 },
  ) {
    this.past = structuredClone(past);
    this.current = structuredClone(current);
    this.observations = observations;
  }

  save(): LevelState {
    return structuredClone({ past: this.past, current: this.current, observations: this.observations });
  }

  /** An hour of event time is over. What there was in it is what entities are seen against from now on. */
  turn(entities: number): void {
    if (this.observations < entities) return;
    this.past = this.current;
    this.current = nothing();
    this.observations = 0;
  }

  /**
   * Takes one entity's observation in and says where it stands in the fleet: (x - mean) / sd for each metric; NaN
   * where it has none or the fleet's is unknown yet, 0 where all are alike. Overwritten by the next call.
   */
  standing(metrics: readonly string[], values: Readonly<Record<string, number>>): Float64Array {
    this.observations += 1;
    this.scores.fill(Number.NaN);
    const { counts, means, squares } = this.current;
    for (let m = 0; m < metrics.length; m += 1) {
      const value = values[metrics[m]!];
      if (value === undefined) continue;
      const count = (counts[m] ?? 0) + 1;
      const change = value - (means[m] ?? 0);
      counts[m] = count;
      means[m] = (means[m] ?? 0) + change / count;
      squares[m] = (squares[m] ?? 0) + change * (value - means[m]!);
      const pastCount = this.past.counts[m] ?? 0;
      if (pastCount === 0) continue;
      const spread = Math.sqrt(this.past.squares[m]! / pastCount);
      this.scores[m] = spread === 0 ? 0 : (value - this.past.means[m]!) / spread;
    }
    return this.scores;
  }
}
