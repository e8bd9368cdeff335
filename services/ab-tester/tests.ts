import type { Entry, KvBucket } from "../../shared/bus/kv.ts";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { InvalidInputError, StaleStateError } from "../../shared/errors.ts";
import { newEvent } from "../../shared/events.ts";
import { deriveUuidV7 } from "../../shared/ids.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { comparisonOf, type Verdict } from "./decide.ts";
import { challengerKey, publicView, TestState } from "./state.ts";
import { trialOutcome } from "./trial-outcome.ts";

/** The forecaster has a challenger already, and it can have one only. */
export class PlaceTakenError extends InvalidInputError {}

/** Begins and ends tests. Each of the two can be repeated after a crash at any point. */
export class Tests {
  readonly bucket: KvBucket<TestState>;
  readonly configs: KvBucket<LiveConfig>;
  private readonly context: ServiceContext;

  constructor(context: ServiceContext) {
    this.context = context;
    this.bucket = context.bus.kv("ab-tests", TestState);
    this.configs = context.bus.kv("live-configs", LiveConfig);
  }

  /**
   * Puts the challenger beside the champion and announces the test.
   *
   *     state (not placed) -> <forecaster>.challenger in live-configs -> abtest.created -> state (placed)
   *
   * @throws {PlaceTakenError} when another challenger is there; then nothing is left of this one
   */
  async begin(fresh: TestState): Promise<TestState> {
    const { value: state, revision } = await this.remembered(fresh);
    if (state.placed) return state;
    try {
      await this.place(state);
    } catch (error) {
      if (error instanceof PlaceTakenError) await this.bucket.delete(state.test, revision);
      throw error;
    }
    await this.announce("created", state);
    const placed: TestState = { ...state, placed: true };
    await this.bucket.update(state.test, placed, revision);
    return placed;
  }

  /**
   * Ends a test: the run's outcome where it is the shadow stage of one, `abtest.concluded`, and the challenger
   * leaves. Whoever is first decides; a test that has ended stays as it ended.
   */
  async finish(state: TestState, verdict: Verdict, status: "completed" | "stopped"): Promise<TestState> {
    if (state.run_id !== undefined) await this.concludeRun(state, verdict);
    const { event } = await this.announce(
      "concluded",
      { ...state, status },
      { outcome: verdict.outcome, reasons: verdict.reasons },
    );
    await this.unplace(state);
    const said = event.data as Partial<Pick<TestState, "outcome" | "reasons">>;
    return this.end({
      ...state,
      status,
      outcome: said.outcome ?? verdict.outcome,
      reasons: [...(said.reasons ?? verdict.reasons)],
    });
  }

  /** `abtest.measured`: how the comparison stands. */
  async measured(state: TestState): Promise<void> {
    const { bus } = this.context;
    const id = deriveUuidV7(Date.parse(state.started_at), state.test, "measured", String(state.tally.pairs));
    await bus.publishEvent(subjects.abTest("measured", state.test), this.event("measured", state, {}, id));
  }

  private async remembered(fresh: TestState): Promise<Entry<TestState>> {
    const found = await this.bucket.get(fresh.test);
    if (found !== undefined) return found;
    return { value: fresh, revision: await this.bucket.create(fresh.test, fresh) };
  }

  private async place({ forecaster, test, challenger_config: config }: TestState): Promise<void> {
    const key = challengerKey(forecaster);
    try {
      await this.configs.create(key, config);
    } catch (error) {
      if (!(error instanceof StaleStateError)) throw error;
      const there = await this.configs.get(key);
      if (there?.value.run_id === config.run_id) return;
      const others = await this.bucket.entries();
      const other = others.find(({ value }) => value.challenger_config.run_id === there?.value.run_id)?.key;
      const owner =
        other === undefined ? `a config that no test owns ('${key}' in live-configs)` : `test '${other}'`;
      throw new PlaceTakenError(
        `test '${test}' cannot begin: '${forecaster}' has a challenger already, that of ${owner}`,
      );
    }
  }

  private async unplace({ forecaster, challenger_config: { run_id } }: TestState): Promise<void> {
    const key = challengerKey(forecaster);
    const there = await this.configs.get(key);
    if (there?.value.run_id !== run_id) return;
    await this.configs.delete(key, there.revision).catch((error: unknown) => {
      if (!(error instanceof StaleStateError)) throw error; // another ab-tester was as quick
    });
  }

  private async concludeRun(state: TestState, verdict: Verdict): Promise<void> {
    const { bus, clock, source, codeVersion, log } = this.context;
    const outcome = await trialOutcome(bus, state, verdict, { atMs: clock.now(), source, codeVersion });
    const { step, won } = await bus.conclude("trial", outcome.step, outcome.event);
    log.info(
      { forecaster: state.forecaster, run: state.run_id, step, won, reasons: verdict.reasons },
      "shadow trial ended",
    );
  }

  private async end(ended: TestState): Promise<TestState> {
    for (;;) {
      const there = await this.bucket.get(ended.test);
      if (there === undefined || there.value.status !== "running") return there?.value ?? ended;
      try {
        await this.bucket.update(ended.test, ended, there.revision);
        return ended;
      } catch (error) {
        if (!(error instanceof StaleStateError)) throw error;
      }
    }
  }

  private announce(verb: "created" | "concluded", state: TestState, more: object = {}) {
    return this.context.bus.publishOnce(subjects.abTest(verb, state.test), this.event(verb, state, more));
  }

  private event(verb: string, state: TestState, more: object, id?: string) {
    const { clock, source, codeVersion } = this.context;
    const { first_sequence, sequence: last_sequence } = state.tally;
    const data = {
      test: publicView(state),
      comparison: comparisonOf(state.tally),
      caused_by: state.caused_by,
      evidence: {
        code_version: codeVersion,
        champion: state.champion,
        telemetry: { first_sequence, last_sequence },
      },
      ...more,
    };
    const type = `dev.retune.abtest.${verb}`;
    return newEvent({
      source,
      type,
      subject: state.test,
      timeMs: clock.now(),
      data,
      ...(id === undefined ? {} : { id }),
    });
  }
}
