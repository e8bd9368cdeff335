import type { Score } from "../../../shared/contracts/telemetry.ts";
import type { EntityErrorView } from "./view.ts";

/** What a score weighs less with each later one: the last hundred or so count. */
const DECAY = 0.99;
/** Weight from which an entity's figures mean something: six scores. */
const LEAST = 5;
const ENTITIES = 20_000;

interface Sums {
  weight: number;
  absolute: number;
  readonly naive: { weight: number; absolute: number; baseline: number };
}

/**
 * Which entities of a fleet are forecast worst. Entities differ in size, so they are ranked by
 *
 *     MAE / MAE of the last value on the same scores
 *
 * Recent scores count most; those of challengers and incidents do not.
 */
export class EntityErrors {
  private readonly sums = new Map<string, Sums>();

  add({ entity, error, naive_error, variant, in_incident }: Score): void {
    if (entity === undefined || variant === "challenger" || in_incident === true) return;
    const sums = this.sums.get(entity) ?? {
      weight: 0,
      absolute: 0,
      naive: { weight: 0, absolute: 0, baseline: 0 },
    };
    sums.weight = DECAY * sums.weight + 1;
    sums.absolute = DECAY * sums.absolute + Math.abs(error);
    if (naive_error !== undefined) {
      const { naive } = sums;
      naive.weight = DECAY * naive.weight + 1;
      naive.absolute = DECAY * naive.absolute + Math.abs(error);
      naive.baseline = DECAY * naive.baseline + Math.abs(naive_error);
    }
    this.sums.set(entity, sums);
    if (this.sums.size > ENTITIES) this.sums.delete(this.sums.keys().next().value!);
  }

  /** The worst few, worst first; entities with fewer than six scores are not judged. */
  worst(count: number): EntityErrorView[] {
    return [...this.sums]
      .filter(([, { weight }]) => weight > LEAST)
      .map(([entity, { weight, absolute, naive }]) => ({
        entity,
        mae: absolute / weight,
        versus_last_value:
          naive.weight > LEAST && naive.baseline > 0 ? naive.absolute / naive.baseline : null,
      }))
      .sort((a, b) => (b.versus_last_value ?? -1) - (a.versus_last_value ?? -1) || b.mae - a.mae)
      .slice(0, count);
  }
}
