import type { Message } from "../../shared/bus/message.ts";
import { durationMs } from "../../shared/contracts/duration.ts";
import { type StepData, stepType } from "../../shared/contracts/envelope.ts";
import type { Failed } from "../../shared/contracts/failed.ts";
import { ForecasterSpec, ShadowSpec } from "../../shared/contracts/spec.ts";
import { nextStage, Validated } from "../../shared/contracts/validator.ts";
import { explain, InvalidInputError, RetuneError } from "../../shared/errors.ts";
import { newEvent, parseEvent } from "../../shared/events.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { SpecStore } from "../../shared/specs.ts";
import { challengerOf } from "./challenger.ts";
import { newTest, type TestState } from "./state.ts";
import type { Tests } from "./tests.ts";

export const MAX_DELIVERIES = 8;

/** Shadow stages of runs: from `approved` to a running test. */
export class Trials {
  private readonly context: ServiceContext;
  private readonly specs: SpecStore;
  private readonly tests: Tests;

  constructor(context: ServiceContext, specs: SpecStore, tests: Tests) {
    this.context = context;
    this.specs = specs;
    this.tests = tests;
  }

  /** `retrain.approved.>`: where the validator has put a shadow stage next. */
  async approved(message: Message): Promise<void> {
    const report = parseEvent(message, Validated).data;
    const spec = await this.specOf(report.forecaster);
    if (nextStage(report, spec?.shadow.enabled) !== "trial") return;
    if ((await this.context.bus.outcome(report.run_id, "trial")) !== undefined) return;
    try {
      const state = await this.prepared(report, message.sequence, spec);
      const { test, forecaster, ends_at } = await this.tests.begin(state);
      this.context.log.info({ test, forecaster, run: report.run_id, ends_at }, "shadow trial begins");
    } catch (error) {
      const hopeless = error instanceof RetuneError && error.disposition === "terminate";
      if (!hopeless && message.deliveries < MAX_DELIVERIES) throw error;
      await this.fail(report, message.sequence, explain(error));
    }
  }

  /** A spec that was applied just before the approval may not have been heard of yet: then it is read. */
  private async specOf(forecaster: string): Promise<ForecasterSpec | undefined> {
    const heard = this.specs.get(forecaster);
    return heard ?? (await this.context.bus.kv("specs", ForecasterSpec).get(forecaster))?.value;
  }

  private async prepared(
    report: Validated,
    sequence: number,
    spec: ForecasterSpec | undefined,
  ): Promise<TestState> {
    const { bus, clock } = this.context;
    const { shadow = ShadowSpec.parse({}) } = spec ?? {};
    const {
      forecaster,
      run_id,
      candidate,
      candidate_metrics: metrics,
      search_iterations,
      optimization_time_seconds,
    } = report;
    const champion = await this.tests.configs.get(forecaster);
    if (champion === undefined)
      throw new InvalidInputError(`'${forecaster}' has no champion to shadow any more`);
    const startedAtMs = clock.now();
    return newTest({
      test: `shadow-${run_id}`,
      forecaster,
      challenger_config: challengerOf(champion.value, candidate, {
        run_id,
        validation_rmse: metrics?.rmse ?? null,
        validation_mape: metrics?.mape ?? null,
        validation_mae: metrics?.mae ?? null,
        search_iterations,
        optimization_time_seconds,
        horizon: spec?.horizon ?? champion.value.horizon,
        timestamp: new Date(startedAtMs).toISOString(),
      }),
      champion,
      startedAtMs,
      durationMs: durationMs(shadow.duration),
      min_scores: shadow.min_scores,
      run_id,
      caused_by: [sequence],
      sequence: (await bus.streamState("TELEMETRY")).lastSequence,
    });
  }

  private async fail({ run_id, forecaster }: StepData, sequence: number, cause: string): Promise<void> {
    const { bus, clock, source, codeVersion, log } = this.context;
    const evidence = { code_version: codeVersion };
    const data: Failed = {
      run_id,
      forecaster,
      caused_by: [sequence],
      evidence,
      stage: "trial",
      cause,
      will_retry: false,
    };
    log.error({ forecaster, run: run_id, cause }, "shadow trial failed");
    const event = newEvent({
      source,
      type: stepType("failed"),
      subject: forecaster,
      timeMs: clock.now(),
      data,
    });
    await bus.conclude("trial", "failed", event);
  }
}
