import { createHash, type Hash, hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { ArtifactStore } from "../../shared/bus/artifacts.ts";
import { check } from "../../shared/check.ts";
import { WindowSums } from "../../shared/contracts/optimizer.ts";
import { ArtifactDigest, RunId } from "../../shared/contracts/subjects.ts";
import type { BacktestData } from "../../shared/forecasting/backtest.ts";
import { Recent } from "../../shared/recent.ts";
import { type Point, pointKey } from "../../shared/search/space.ts";
import type { ScoredWindow } from "./row.ts";
import { type GenerationStanding, type KnownWindows, NOTHING_KNOWN, windowPlan } from "./standing.ts";
import type { PlannedTrial, Study } from "./state.ts";

/** A window takes about 250 bytes; more of them would cost more to read and to hash than they save. */
const MAX_WINDOWS = 20_000;

/** Bucket `states`, key `losses.<forecaster>`: where the losses of its last search are. */
export const LossesRecord = z.object({ artifact: ArtifactDigest, run_id: RunId });
export type LossesRecord = z.infer<typeof LossesRecord>;

export const lossesKey = (forecaster: string) => `losses.${forecaster}`;

const Entry = z.object({
  cutoff_ms: z.number(),
  loss: z.number().nullable(),
  sums: WindowSums.nullable(),
});
const Cost = z.object({
  point: z.custom<Point>((value) => typeof value === "object" && value !== null),
  duration_ms: z.number().nonnegative(),
  memory_mb: z.number().nonnegative().nullable().describe("null: not measured"),
  out_of_memory: z.boolean(),
});

/** What a search leaves to the next one of its forecaster. */
const LossBook = z.object({
  format: z.literal(1),
  windows: z.record(z.string(), Entry),
  costs: z.array(Cost).describe("of its trials"),
});
export type LossBook = z.infer<typeof LossBook>;

export const NO_LOSSES: LossBook = { format: 1, windows: {}, costs: [] };

/** Names all that a window's loss depends on; undefined where it depends on more than can be told. */
export type WindowKeys = (trial: PlannedTrial, cutoff: number) => string | undefined;

/**
 * Names the windows of a study's trials by all that their losses depend on: the model and the version of the code, the
 * parameters, the draws' seed and time, the context's values and the targets, so that the same window is known again in
 * next week's history, and one whose past was corrected since is not. (`ml-facts`: exact reuse)
 *
 * Trained families have no such name, as their models are trained anew on other data each time. Nothing has where costs
 * are weighed, since those have to be measured, nor in a study of more than 20,000 windows of trials.
 */
export function windowKeys(study: Study, data: BacktestData, codeVersion: string): WindowKeys {
  const { search, plan, horizon, season_length, grid, split, artifacts, trained } = study;
  const { inference_time, memory } = search.weights;
  const windows = windowPlan(study).cutoffs.length;
  if (inference_time > 0 || memory > 0 || plan.size * windows > MAX_WINDOWS) return () => undefined;
  // What is kept of a window is summed over its series, and those of a fleet are scaled each by its own past.
  if (search.objective === "mase" && data.series.length > 1) return () => undefined;
  const common = JSON.stringify({
    ...{ codeVersion, horizon, season_length, grid, seed: search.seed, objective: search.objective },
  });
  // The scale of MASE is that of the whole past.
  const reach = (context: number) => (search.objective === "mase" ? Number.POSITIVE_INFINITY : context);
  const contents = new Map<string, string>();
  const contentOf = (cutoff: number, context: number) => {
    const key = `${cutoff} ${context}`;
    const known = contents.get(key);
    if (known !== undefined) return known;
    const from = Math.max(0, cutoff + 1 - context);
    const to = Math.min(cutoff + 1 + horizon, split.search_end);
    const digest = createHash("sha256");
    for (const { entity, values } of data.series) {
      digest.update(`${entity ?? ""} ${cutoff - from} ${to - cutoff} `);
      updateWith(digest, values.subarray(from, to));
    }
    const content = digest.digest("hex");
    contents.set(key, content);
    return content;
  };
  return ({ model, params }, cutoff) => {
    if (trained.includes(model)) return undefined;
    const { model_params = {}, ...others } = params;
    const what = [common, model, artifacts[model] ?? "", pointKey(others), pointKey(model_params)];
    // As the backtest draws: in steps, whatever the seconds.
    const when = data.times === undefined ? cutoff : Math.round(data.times[cutoff]! / grid.step_ms);
    const content = contentOf(cutoff, reach(params.context_length));
    return hash("sha256", JSON.stringify([...what, when, content])).slice(0, 32);
  };
}

/** Those read last: a study is made with what its leader goes on with. The digest is the content. */
const books = new Recent<LossBook>();

/** What the losses of a study's windows are told by. */
export interface StudyLosses {
  readonly data: BacktestData;
  readonly keys: WindowKeys;
  /** what `study.losses` names */
  readonly book: LossBook;
}

/** What earlier runs have found, as a study may use it whose windows have the names `keys`. */
export function knownWindows({ windows }: LossBook, keys: WindowKeys): KnownWindows {
  if (Object.keys(windows).length === 0) return NOTHING_KNOWN;
  const found = new Map<string, ScoredWindow | undefined>();
  return (trial, cutoff) => {
    const asked = `${trial.number} ${cutoff}`;
    if (!found.has(asked)) {
      const key = keys(trial, cutoff);
      found.set(asked, key !== undefined && Object.hasOwn(windows, key) ? windows[key] : undefined);
    }
    return found.get(asked);
  };
}

/**
 * Stores what a study has found, together with what was known before and still lies within its history, and returns the
 * digest; null where there is nothing worth storing.
 */
export async function storeWindows(
  artifacts: ArtifactStore,
  study: Study,
  standing: readonly GenerationStanding[],
  { keys, book: before, data }: StudyLosses,
): Promise<string | null> {
  const timeOf = (cutoff: number) => data.times?.[cutoff] ?? cutoff;
  const oldest = timeOf(Math.min(...windowPlan(study).cutoffs));
  const windows = Object.fromEntries(
    Object.entries(before.windows).filter(([, { cutoff_ms }]) => cutoff_ms >= oldest),
  );
  for (const { trials } of standing) {
    for (const { trial, evaluated } of trials) {
      for (const { cutoff, loss, sums } of evaluated) {
        const key = keys(trial, cutoff);
        if (key !== undefined) windows[key] = { cutoff_ms: timeOf(cutoff), loss, sums };
      }
    }
  }
  const newest = Object.entries(windows)
    .sort(([a, x], [b, y]) => y.cutoff_ms - x.cutoff_ms || (a < b ? -1 : 1))
    .slice(0, MAX_WINDOWS);
  const book: LossBook = { format: 1, windows: Object.fromEntries(newest), costs: costsOf(standing) };
  if (newest.length === 0 && book.costs.length === 0) return null;
  return artifacts.put(Buffer.from(JSON.stringify(book)));
}

/** What trials took, as if nothing of them had been known before. */
function costsOf(standing: readonly GenerationStanding[]): LossBook["costs"] {
  return standing.flatMap(({ trials }) =>
    trials.flatMap(({ trial: { point }, row }) => {
      const windows = row?.metrics?.windows ?? 0;
      const evaluated = windows - (row?.reused ?? 0);
      const out_of_memory = row?.out_of_memory === true;
      if (row === undefined || (evaluated === 0 && !out_of_memory)) return [];
      const share = evaluated === 0 ? 1 : windows / evaluated;
      return [
        { point, duration_ms: row.duration_ms * share, memory_mb: row.memory_mb ?? null, out_of_memory },
      ];
    }),
  );
}

/**
 * What a search has left; nothing for null.
 *
 * @throws as `ArtifactStore.fetch`, and {InvalidInputError} for another format
 */
export async function readLosses(artifacts: ArtifactStore, digest: string | null): Promise<LossBook> {
  if (digest === null) return NO_LOSSES;
  return books.get(digest, async () => {
    const text = await readFile(await artifacts.fetch(digest), "utf8");
    return check(LossBook, JSON.parse(text), `losses ${digest}`);
  });
}

function updateWith(digest: Hash, values: Float64Array): void {
  digest.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}
