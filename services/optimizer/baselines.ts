import type { BacktestMetrics, TrialTask } from "../../shared/contracts/optimizer.ts";
import { datasetCache } from "../../shared/forecasting/dataset-cache.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { type BacktestParts, backtestJob, datasetAbout, finiteMetrics } from "./backtest-job.ts";
import type { RunnerPool } from "./runner-pool.ts";

const BASELINES = ["last-value", "seasonal-naive"] as const;
/** Longest that a search whose trials are done waits for its baselines. */
const PATIENCE_MS = 60_000;

export type Baselines = Readonly<Record<string, BacktestMetrics>>;

/** The windows of a search, and how much its longest context looks at. */
export type BaselineWork = Omit<BacktestParts, "params" | "model"> &
  Pick<
    TrialTask,
    "run_id" | "forecaster" | "dataset" | "fleet" | "grid" | "season_length" | "memory_limit_mb"
  > & { readonly context_length: number };

export interface MeasuringBaselines {
  /** What is measured by the end of a minute's wait; one that cannot be measured is left out. */
  result(): Promise<Baselines>;
  /** Ends the measuring, if it goes on. */
  stop(): Promise<void>;
}

/**
 * Begins to measure last value and seasonal naive on the windows of a search, beside its trials.
 *
 * A baseline looks at the longest context of the search space and draws nothing, so samples and temperature are idle.
 */
export function startBaselines(
  { bus, log }: Pick<ServiceContext, "bus" | "log">,
  pool: RunnerPool,
  work: BaselineWork,
): MeasuringBaselines {
  const { run_id, forecaster, dataset, context_length, memory_limit_mb } = work;
  const measured: Record<string, BacktestMetrics> = {};
  const runner = pool.take(memory_limit_mb);
  let stopped = false;
  const measure = async () => {
    const data = await datasetCache(bus.artifacts).get(dataset, datasetAbout(work));
    const inputs = { data, artifactPath: undefined, train: undefined };
    const params = { context_length, num_samples: 1, temperature: 1 };
    for (const model of BASELINES) {
      if (stopped) return;
      const metrics = finiteMetrics(await runner.evaluate(backtestJob({ ...work, params, model }, inputs)));
      if (metrics !== null) measured[model] = metrics;
    }
  };
  let over = false;
  const measuring = measure()
    .catch((err: unknown) => {
      if (!stopped) log.warn({ err, run: run_id, forecaster }, "baselines could not be measured");
    })
    .finally(() => {
      over = true;
    });
  return {
    async result() {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, PATIENCE_MS);
      });
      await Promise.race([measuring, patience]);
      clearTimeout(timer);
      return { ...measured };
    },
    async stop() {
      stopped = true;
      if (!over) await runner.abort("the search has ended");
      await measuring;
      await pool.give(runner);
    },
  };
}
