import type { BacktestMetrics } from "../../shared/contracts/optimizer.ts";
import type { WindowCache } from "../../shared/history/window-cache.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { backtestJob, finiteMetrics } from "./backtest-job.ts";
import type { RunnerPool } from "./runner-pool.ts";
import type { Study } from "./state.ts";

const BASELINES = ["last-value", "seasonal-naive"] as const;
/** Longest that a search whose trials are done waits for its baselines. */
const PATIENCE_MS = 60_000;

export type Baselines = Readonly<Record<string, BacktestMetrics>>;

export interface MeasuringBaselines {
  /** What is measured by the end of a minute's wait; one that cannot be measured is left out. */
  result(): Promise<Baselines>;
  /** Ends the measuring, if it goes on. */
  stop(): Promise<void>;
}

/**
 * Begins to measure last value and seasonal naive on the windows of a study, beside its trials.
 *
 * A baseline looks at the longest context of the search space and draws nothing, so samples and temperature are idle.
 */
export function startBaselines(
  { log }: Pick<ServiceContext, "log">,
  windows: WindowCache,
  pool: RunnerPool,
  study: Study,
): MeasuringBaselines {
  const { run_id, forecaster, search } = study;
  const measured: Record<string, BacktestMetrics> = {};
  const runner = pool.take(search.memory_limit_mb);
  let stopped = false;
  const measure = async () => {
    const { values } = await windows.get(study.dataset);
    const { step_size, seed, space } = search;
    const params = { context_length: Math.max(...space.context_length), num_samples: 1, temperature: 1 };
    for (const model of BASELINES) {
      const job = backtestJob({ ...study, step_size, seed, params, model }, values, undefined);
      const metrics = stopped ? null : finiteMetrics(await runner.evaluate(job));
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
