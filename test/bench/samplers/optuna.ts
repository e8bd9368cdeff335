import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Observation } from "../../../shared/search/sampler.ts";
import type { Point } from "../../../shared/search/space.ts";
import { type Problem, tuningLike4 } from "../../../shared/search/test-functions.fixture.ts";
import { median } from "../../../shared/statistics/sample.ts";
import { conversation, PeerSilentError } from "../peers/conversation.ts";

export interface OptunaWork {
  readonly problems: readonly Problem[];
  readonly seeds: number;
  /** trials after which regret is taken, ascending */
  readonly budgets: readonly number[];
  readonly history: readonly Observation[];
  /** of the history, at which a suggestion is timed */
  readonly sizes: readonly number[];
}

/** Of its multivariate TPE sampler. */
export interface OptunaFigures {
  readonly version: string;
  /** [problem][budget], median over the seeds */
  readonly regrets: readonly (readonly number[])[];
  /** [size], ms */
  readonly suggestMs: readonly number[];
}

/**
 * What Optuna reaches on the same functions, all studies asked round by round, and what a suggestion of it takes.
 *
 * @returns a reason where the interpreter `RETUNE_PYTHON`, else `python3`, has no Optuna
 */
export async function askOptuna(work: OptunaWork): Promise<OptunaFigures | { readonly skipped: string }> {
  const { problems, seeds, budgets, history, sizes } = work;
  const studies = problems.flatMap((_, space) =>
    Array.from({ length: seeds }, (_, seed) => ({ space, seed })),
  );
  const rounds = budgets.at(-1)!;
  const spaces = problems.map(({ space }) => space.dimensions);
  const trials = history.map(({ point, objective }) => ({ point, value: objective }));
  const timing = { space: tuningLike4.space.dimensions, sizes, trials };
  const folder = await mkdtemp(join(tmpdir(), "retune-bench-"));
  try {
    const file = join(folder, "work.json");
    await writeFile(file, JSON.stringify({ spaces, studies, rounds, timing }));
    const optuna = conversation("optuna_samplers.py", [file]);
    const version = (await optuna.hear()) as string;
    const losses: number[][] = studies.map(() => []);
    for (let round = 0; round < rounds; round += 1) {
      const points = (await optuna.hear()) as Point[];
      points.forEach((point, s) => {
        losses[s]!.push(problems[studies[s]!.space]!.value(point));
      });
      optuna.say(losses.map((each) => each.at(-1)));
    }
    const suggestMs = (await optuna.hear()) as number[];
    const regrets = problems.map(({ minimum }, p) => {
      const own = losses.filter((_, s) => studies[s]!.space === p);
      return budgets.map((budget) => median(own.map((each) => Math.min(...each.slice(0, budget)) - minimum)));
    });
    return { version, regrets, suggestMs };
  } catch (error) {
    if (error instanceof PeerSilentError) return { skipped: error.message };
    throw error;
  } finally {
    await rm(folder, { recursive: true });
  }
}
