import { normalQuantile } from "../forecasting/normal.ts";
import { uniform } from "../forecasting/random.ts";
import { median } from "../statistics/sample.ts";
import { type Observation, type SamplerName, suggestMany } from "./sampler.ts";
import type { Problem } from "./test-functions.fixture.ts";

export interface Effort {
  /** trials after which the regret is taken, ascending */
  readonly budgets: readonly number[];
  readonly seeds: number;
  /** trials that are asked for at once */
  readonly generation: number;
  /** standard deviation added to what the sampler sees */
  readonly noise?: number;
}

/** Median over the seeds of what the best trial so far lacks to the minimum, by budget. */
export function medianRegrets(sampler: SamplerName, problem: Problem, effort: Effort): number[] {
  const runs = Array.from({ length: effort.seeds }, (_, seed) => regrets(sampler, problem, seed, effort));
  return effort.budgets.map((_, b) => median(runs.map((run) => run[b]!)));
}

/** The trial that looks best is the one that counts, by its value without noise. */
function regrets(
  sampler: SamplerName,
  { space, value, minimum }: Problem,
  seed: number,
  { budgets, generation, noise = 0 }: Effort,
): number[] {
  const history: Observation[] = [];
  return budgets.map((budget) => {
    while (history.length < budget) {
      const size = Math.min(generation, budget - history.length);
      const numbers = Array.from({ length: size }, (_, i) => history.length + i);
      suggestMany(space, { sampler, seed, history }, numbers).forEach((point, i) => {
        const z = noise === 0 ? 0 : normalQuantile(uniform(seed, numbers[i]!));
        history.push({ number: numbers[i]!, point: point!, objective: value(point!) + noise * z });
      });
    }
    const chosen = history.reduce((best, each) => (each.objective! < best.objective! ? each : best));
    return value(chosen.point) - minimum;
  });
}
