import { hash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { explain, InvalidInputError } from "../errors.ts";
import type { BacktestData } from "./backtest-data.ts";
import type {
  BacktestJob,
  StepForecastJob,
  Training,
  TrainingFigures,
  TrainingJob,
} from "./backtest-messages.ts";
import { packBundle, readBundle } from "./bundle/bundle.ts";
import { type ForecastModel, familyOf, openFamily } from "./families.ts";
import type { TrainingRequest } from "./family.ts";
import { ModelMismatchError } from "./manifest.ts";
import { QuantileCache } from "./quantile-cache.ts";

/** Families that draw by themselves: an ensemble judges such a member by its draws. */
const DRAWING: ReadonlySet<string> = new Set(["chronos-t5"]);
/** The champion's and the candidate's file, and one more. */
const MAX_MODELS = 3;

interface OpenModel {
  readonly model: ForecastModel;
  /** belongs to this very model: a changed file opens another one with an empty cache */
  readonly cache: QuantileCache;
}

export interface OpenTrainedModel extends OpenModel {
  readonly packed: Uint8Array;
  readonly figures: TrainingFigures;
}

/** The models that a process has open, files and trained ones, least recently used first out. */
export class BacktestModels {
  private readonly files = new Map<string, OpenModel>();
  private readonly trained = new Map<string, OpenTrainedModel>();

  /**
   * The model of a backtest: from its file, or trained for it.
   *
   * @throws {InvalidInputError} for a training that reaches beyond the first cutoff, and as `opened` and `trainedBy`
   */
  async of(
    { family, artifactPath, train, plan, spec }: Omit<BacktestJob | StepForecastJob, "data">,
    data: BacktestData,
  ): Promise<OpenModel & Partial<Pick<OpenTrainedModel, "figures">>> {
    const isTrained = (await familyOf(family)).artifact === "trained";
    if (!isTrained || train === undefined || artifactPath !== undefined)
      return this.opened(family, artifactPath);
    const earliest = plan.cutoffs.reduce((a, b) => Math.min(a, b), Infinity);
    if (train.end > earliest + 1) {
      throw new InvalidInputError(
        `training reaches to step ${train.end - 1}, behind the first cutoff ${earliest}: it would know the answers`,
      );
    }
    const { seed, ...params } = spec;
    return this.trainedBy({ family, data, horizon: plan.horizon, params, seed, train });
  }

  /** @throws as `openFamily` */
  async opened(family: string, artifactPath: string | undefined): Promise<OpenModel> {
    const key = `${family}:${artifactPath === undefined ? "" : await fileVersion(artifactPath)}`;
    return use(this.files, key, async () => ({
      model: await openFamily(family, artifactPath),
      cache: new QuantileCache(),
    }));
  }

  /**
   * Trains a model, or finds the one that was trained the same way: same family, parameters, seed, horizon, parent and
   * content of the data before the end of training. Configurations that differ in draws or spread alone share a model.
   *
   * @throws {InvalidInputError} for a family that is not trained, data without times, or too little of it
   */
  async trainedBy(job: TrainingJob): Promise<OpenTrainedModel> {
    const request = trainingRequest({ ...job, params: paramsOfTraining(job) });
    return use(this.trained, trainingKey(job, request), async () => {
      const { train } = await familyOf(job.family);
      if (train === undefined) throw new InvalidInputError(`model family '${job.family}' cannot be trained`);
      const files = await filesOf(job.train);
      const startedAt = performance.now();
      const made = await train({ ...request, ...files });
      const training_ms = performance.now() - startedAt;
      const { parent, codeVersion } = job.train;
      const info = { ...made.info, parent: parent?.digest ?? null, code_version: codeVersion };
      const packed = packBundle({ ...made, info });
      const { rounds, metrics, trained_on } = info;
      return {
        model: await openFamily(job.family, packed),
        cache: new QuantileCache(),
        ...{ packed, figures: { training_ms, rows: trained_on.rows, rounds, metrics } },
      };
    });
  }

  /** Closes the least recently used ones. Only between requests: each may use two. */
  async closeSurplus(): Promise<void> {
    for (const open of [this.files, this.trained]) {
      for (const [key, { model }] of [...open].slice(0, -MAX_MODELS)) {
        open.delete(key);
        await model.release();
      }
    }
  }
}

async function use<T>(open: Map<string, T>, key: string, make: () => Promise<T>): Promise<T> {
  const found = open.get(key) ?? (await make());
  open.delete(key);
  open.set(key, found);
  return found;
}

async function fileVersion(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path).catch((cause: unknown) => {
    throw new ModelMismatchError(`model '${path}' cannot be read: ${explain(cause)}`, { cause });
  });
  return `${path}:${size}:${mtimeMs}`;
}

/** Samples are drawn, and spread by the temperature, when a model is used: its training sees neither. */
function paramsOfTraining({ params, train: { pretrained } }: TrainingJob): TrainingJob["params"] {
  if (pretrained !== undefined && DRAWING.has(pretrained.family)) return params;
  return { ...params, num_samples: 100, temperature: 1 };
}

type TrainingOnData = Omit<TrainingRequest, "parent" | "pretrained">;

/** The data before the end of training, and nothing else. */
function trainingRequest({ data, horizon, params, seed, train }: TrainingJob): TrainingOnData {
  const { series, times, grid, seasonLength } = data;
  const { start = 0, end } = train;
  if (times === undefined || grid === undefined)
    throw new InvalidInputError("the data to train on has no times and no grid of steps");
  if (!(start >= 0 && start < end && end <= times.length))
    throw new InvalidInputError(`training steps are ${start} … ${end}, expected some of ${times.length}`);
  const endMs = times[end - 1]!;
  return {
    series: series.map(({ entity, values }) => ({ entity, values: values.slice(start, end), endMs })),
    ...{ grid, horizon, seasonLength, params, seed },
  };
}

/** What a training goes on from and builds on, read only where a model is made. */
async function filesOf({
  parent,
  pretrained,
}: Training): Promise<Omit<TrainingRequest, keyof TrainingOnData>> {
  return {
    parent: parent === undefined ? null : readBundle(await readFile(parent.path), parent.digest),
    pretrained: pretrained && { family: pretrained.family, bytes: await readFile(pretrained.path) },
  };
}

function trainingKey({ family, train }: TrainingJob, request: TrainingOnData): string {
  const { series, ...rest } = request;
  const content = series.map(({ entity, values, endMs }) => {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return [entity, endMs, hash("sha1", bytes)];
  });
  const { parent, pretrained } = train;
  return JSON.stringify([
    family,
    content,
    canonical(rest),
    parent?.digest ?? null,
    pretrained?.digest ?? null,
  ]);
}

/** Equal values in equal order, whatever the order of an object's fields. */
function canonical(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, each]) => [name, canonical(each)]);
}
