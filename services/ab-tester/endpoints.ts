import type { ZodType } from "zod";
import {
  type AbTest,
  AbTestCreate,
  AbTestRef,
  type ShadowComparison,
} from "../../shared/contracts/ab-tester.ts";
import { Duration, durationMs } from "../../shared/contracts/duration.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import { deriveUuidV7 } from "../../shared/ids.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { SpecStore } from "../../shared/specs.ts";
import { challengerOf } from "./challenger.ts";
import { comparisonOf, verdictOf } from "./decide.ts";
import { newTest, publicView, type TestState } from "./state.ts";
import type { Tests } from "./tests.ts";

/** What people ask for: `ab-tester.create|stop|analyze|list`. Faults in a request are InvalidInputErrors. */
export class Endpoints {
  private readonly context: ServiceContext;
  private readonly specs: SpecStore;
  private readonly tests: Tests;

  constructor(context: ServiceContext, specs: SpecStore, tests: Tests) {
    this.context = context;
    this.specs = specs;
    this.tests = tests;
  }

  get handlers(): Record<string, (payload: unknown) => Promise<unknown>> {
    return {
      "ab-tester.create": (payload) => this.create(payload),
      "ab-tester.stop": (payload) => this.stop(payload),
      "ab-tester.analyze": (payload) => this.analyze(payload),
      "ab-tester.list": () => this.list(),
    };
  }

  private async create(payload: unknown): Promise<AbTest> {
    const asked = parse(AbTestCreate, payload, "ab-tester.create");
    const duration = parse(Duration, asked.duration, "ab-tester.create", "duration");
    const { test, forecaster, description, challenger, min_scores } = asked;
    const { bus, clock } = this.context;
    const spec = this.specs.get(forecaster);
    if (spec === undefined) throw new InvalidInputError(`forecaster '${forecaster}' is unknown`);
    const champion = await this.tests.configs.get(forecaster);
    if (champion === undefined)
      throw new InvalidInputError(
        `forecaster '${forecaster}' has no live config yet, so nothing to compare with`,
      );
    if ((await this.tests.bucket.get(test))?.value.placed)
      throw new InvalidInputError(`test '${test}' exists already`);
    if (challenger.artifact !== null) await bus.artifacts.fetch(challenger.artifact);
    const startedAtMs = clock.now();
    const state = newTest({
      test,
      forecaster,
      description,
      challenger_config: challengerOf(champion.value, challenger, {
        run_id: deriveUuidV7(startedAtMs, "ab-test", test),
        horizon: spec.horizon,
        validation_rmse: null,
        validation_mape: null,
        validation_mae: null,
        search_iterations: 0,
        optimization_time_seconds: 0,
        timestamp: new Date(startedAtMs).toISOString(),
      }),
      champion,
      startedAtMs,
      durationMs: durationMs(duration),
      min_scores,
      caused_by: [],
      sequence: (await bus.streamState("TELEMETRY")).lastSequence,
    });
    return publicView(await this.tests.begin(state));
  }

  private async stop(payload: unknown): Promise<AbTest> {
    const state = await this.found(payload, "ab-tester.stop");
    if (state.status !== "running")
      throw new InvalidInputError(`test '${state.test}' is ${state.status} already`);
    const { pairs } = comparisonOf(state.tally);
    const reasons = [`stopped by a person after ${pairs} of ${state.min_scores} pairs`];
    return publicView(await this.tests.finish(state, { outcome: "insufficient", reasons }, "stopped"));
  }

  private async analyze(
    payload: unknown,
  ): Promise<{ test: AbTest; comparison: ShadowComparison; outcome: string; reasons: readonly string[] }> {
    const state = await this.found(payload, "ab-tester.analyze");
    const { outcome, reasons } = verdictOf(state);
    return {
      test: publicView(state),
      comparison: comparisonOf(state.tally),
      outcome: state.outcome ?? outcome,
      reasons: state.reasons ?? reasons,
    };
  }

  private async list(): Promise<{ tests: AbTest[] }> {
    const states = await this.tests.bucket.entries();
    return {
      tests: states
        .map(({ value }) => publicView(value))
        .sort((a, b) => (a.started_at < b.started_at ? 1 : -1)),
    };
  }

  private async found(payload: unknown, subject: string): Promise<TestState> {
    const { test } = parse(AbTestRef, payload, subject);
    const entry = await this.tests.bucket.get(test);
    if (entry === undefined) throw new InvalidInputError(`test '${test}' is unknown`);
    return entry.value;
  }
}

function parse<T>(schema: ZodType<T>, payload: unknown, subject: string, field?: string): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new InvalidInputError(
    `${subject}: field '${field ?? issue?.path.join(".") ?? ""}': ${issue?.message ?? "invalid"}`,
  );
}
