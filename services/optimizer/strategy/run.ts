import { durationMs } from "../../../shared/contracts/duration.ts";
import type { CloudEvent, StepData } from "../../../shared/contracts/envelope.ts";
import type { LiveConfig } from "../../../shared/contracts/live-config.ts";
import type { Progress, Searched } from "../../../shared/contracts/optimizer.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { StrategySpec } from "../../../shared/contracts/spec-strategy.ts";
import { subjects } from "../../../shared/contracts/subjects.ts";
import { InvalidInputError, RetuneError, UnavailableError } from "../../../shared/errors.ts";
import type { BacktestRunner } from "../../../shared/forecasting/backtest-pool.ts";
import { packMarket } from "../../../shared/history/market.ts";
import type { ServiceContext } from "../../../shared/service.ts";
import { inForce } from "../../../shared/strategy/in-force.ts";
import { rankedTrials, type StrategyTrial, tryStrategy } from "../../../shared/strategy/tune.ts";
import { searchEvent } from "../outcome.ts";
import type { RunnerPool } from "../runner-pool.ts";
import type { AcceptedRun } from "../study.ts";
import { liveConfig, type StudySources } from "../study-sources.ts";
import { modelOverTime } from "./forecasts.ts";
import { type ForecastMarket, forecastMarket, tallyOf } from "./market.ts";
import { bufferPrices, type Prices, readPrices } from "./prices.ts";
import { tuneInThread } from "./tune.ts";

/** Trials that the event lists. */
const MOST_LISTED = 20;

/** No strategy came of the search, and none will if it is tried again: the live one stays. */
export class NoStrategyError extends RetuneError {
  readonly disposition = "terminate";
}

/** What a run starts from. */
interface Given {
  readonly spec: ForecasterSpec;
  readonly specRevision: number;
  readonly live: LiveConfig;
  readonly strategy: StrategySpec;
}

/**
 * The search of a run of action `strategy`: the live config's forecasts are made over the past once, and what is done with
 * them is tuned on all but the hold-out, which is for the validator. The model stays. (B-STR-1, B-RSK-1)
 *
 * It takes seconds and keeps nothing on the way: one that was cut off is done again by whoever gets the run next.
 *
 * @throws {NoStrategyError} where no trial was feasible, or after `search.time_limit`
 * @throws {InvalidInputError} for a spec without a section strategy, nothing live, too few prices, and as `readPrices`
 * @throws {UnavailableError} when no spec is applied yet, the buffer does not answer, or the optimizer stops
 */
export async function searchStrategy(
  context: ServiceContext,
  { specs, windows }: Pick<StudySources, "specs" | "windows">,
  runners: RunnerPool,
  run: AcceptedRun,
  stopping: AbortSignal,
): Promise<CloudEvent<StepData>> {
  const startedAtMs = Date.now();
  const given = await givenFor(context, specs, run.data.forecaster);
  const { spec, strategy } = given;
  const prices = await readPrices(bufferPrices({ bus: context.bus, windows }, spec), spec, strategy);
  const runner = runners.take(spec.search.memory_limit_mb);
  const late = AbortSignal.timeout(durationMs(spec.search.time_limit));
  const ended = AbortSignal.any([late, stopping]);
  const abort = () => void runner.abort("the strategy's search was ended");
  ended.addEventListener("abort", abort, { once: true });
  try {
    const made = await forecastsOf(context, given, prices, runner, run, ended);
    const trials = await tuneInThread({ market: made.market, span: made.spans.searched, strategy }, ended);
    const data = await searchedData(context, given, run, { made, trials, startedAtMs });
    return searchEvent(context, "searched", data);
  } catch (cause) {
    if (!late.aborted || stopping.aborted) throw cause;
    throw new NoStrategyError(
      `gave up, the live strategy stays: forecasting and tuning took longer than ${spec.search.time_limit}`,
      { cause },
    );
  } finally {
    ended.removeEventListener("abort", abort);
    await runners.give(runner);
  }
}

async function givenFor(
  context: ServiceContext,
  specs: StudySources["specs"],
  forecaster: string,
): Promise<Given> {
  const spec = specs.get(forecaster);
  if (spec === undefined) throw new UnavailableError(`no spec of forecaster '${forecaster}' is applied`);
  const refuse = (why: string) => new InvalidInputError(`strategy of '${forecaster}': ${why}`);
  if (spec.strategy === undefined)
    throw refuse(
      "its spec has no section strategy, which says what is tuned, on which prices, at which costs",
    );
  const live = await liveConfig(context, forecaster);
  if (live === undefined) throw refuse("nothing is live yet, so there are no forecasts to trade");
  return { spec, live, specRevision: specs.revision(forecaster), strategy: inForce(spec.strategy, live) };
}

async function forecastsOf(
  { bus, clock, codeVersion }: ServiceContext,
  { spec, live, strategy }: Given,
  prices: Prices,
  runner: BacktestRunner,
  { data: { run_id, forecaster } }: AcceptedRun,
  ended: AbortSignal,
): Promise<ForecastMarket> {
  const model = await modelOverTime(bus, live, spec, strategy, codeVersion);
  const say = (done: number, total: number) => {
    ended.throwIfAborted(); // it may have been between two calls of the runner, which ends what is under way alone
    const time = new Date(clock.now()).toISOString();
    const progress: Progress = { run_id, forecaster, phase: "search", done, total, best_rmse: null, time };
    bus.publishCore(subjects.progress(forecaster, run_id), progress);
  };
  return forecastMarket(runner, model, prices, spec, strategy, { say });
}

async function searchedData(
  { bus, codeVersion }: ServiceContext,
  { spec, specRevision, live, strategy }: Given,
  { data: { run_id, forecaster }, sequence }: AcceptedRun,
  {
    made,
    trials,
    startedAtMs,
  }: {
    readonly made: ForecastMarket;
    readonly trials: readonly StrategyTrial[];
    readonly startedAtMs: number;
  },
): Promise<Searched> {
  const { market, spans, times } = made;
  const ranked = rankedTrials(trials);
  const [best] = ranked;
  const tally = tallyOf(made, strategy, trials, best);
  if (best === undefined)
    throw new NoStrategyError(
      `none of ${tally.total} strategies is feasible, the live one stays: ${tally.reasons.join("; ")}`,
    );
  const dataset = await bus.artifacts.put(
    await packMarket({ ...market.bars, times, probability: market.probability }),
  );
  const { context_length, num_samples, temperature, model_params, model, artifact } = live;
  const { searched, heldOut } = spans;
  const iso = (t: number) => new Date(times[t]!).toISOString();
  return {
    ...{ run_id, forecaster, caused_by: [sequence], action: "strategy" },
    candidate: {
      ...{ context_length, num_samples, temperature, model_params, model, artifact },
      strategy: best.parameters,
    },
    metrics: null,
    strategy: {
      ...{ objective: strategy.objective, step_ahead: made.stepAhead },
      ...{ bars: made.bars, missing: made.missing, forecasts: made.forecasts },
      present: strategy.parameters,
      present_metrics: tryStrategy(market, searched, strategy, strategy.parameters).metrics,
      trials: tally,
      best: ranked.slice(0, MOST_LISTED).map(({ number, parameters, objective, metrics }) => {
        return { number, parameters, objective: -objective, metrics };
      }),
    },
    trials: [],
    sampler: strategy.sampler,
    split: {
      ...{ points: times.length, train_end: searched.from, search_end: heldOut.from },
      holdout_steps: heldOut.to - heldOut.from,
      ...{
        train_to: iso(searched.from - 1),
        search_from: iso(searched.from),
        search_to: iso(heldOut.from - 1),
      },
    },
    ...{ fell_back: false, search_iterations: trials.length, dataset, baselines: {} },
    optimization_time_seconds: (Date.now() - startedAtMs) / 1_000,
    evidence: {
      ...{ code_version: codeVersion, spec_revision: specRevision, dataset, strategy },
      live: { version: live.version, run_id: live.run_id },
      limits: { memory_limit_mb: spec.search.memory_limit_mb, time_limit: spec.search.time_limit },
    },
  };
}
