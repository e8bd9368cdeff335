import type { Entry, KvBucket } from "../../shared/bus/kv.ts";
import type { Verified } from "../../shared/contracts/deployer.ts";
import { stepType } from "../../shared/contracts/envelope.ts";
import { StaleStateError } from "../../shared/errors.ts";
import { newEvent } from "../../shared/events.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { SpecStore } from "../../shared/specs.ts";
import { type WatchState, watchKey } from "./state.ts";

/** Ends watches well: publishes `verified`, then saves that the watch has ended. */
export class Verifier {
  private readonly context: ServiceContext;
  private readonly specs: SpecStore;
  private readonly states: KvBucket<WatchState>;

  constructor(context: ServiceContext, specs: SpecStore, states: KvBucket<WatchState>) {
    this.context = context;
    this.specs = specs;
    this.states = states;
  }

  /**
   * May be called again after a crash at any point. Where another process wrote the state meanwhile, it stays.
   *
   * @param superseded why the watch ends before its time
   */
  async verify({ value: state, revision }: Entry<WatchState>, superseded?: string): Promise<WatchState> {
    const { clock, source, codeVersion, bus, log } = this.context;
    const { run_id, forecaster, deployed_sequence: cause } = state;
    const now = clock.now();
    const data: Verified = {
      run_id,
      forecaster,
      caused_by: [cause],
      evidence: {
        code_version: codeVersion,
        spec_revision: this.specs.revision(forecaster),
        last_checks: state.last_checks,
        ...(superseded === undefined ? {} : { ended_early: superseded }),
      },
      config_version: state.config_version,
      checks: state.checks,
      failed_checks: state.failed_checks,
      watched_from: state.from,
      watched_to: new Date(now).toISOString(),
    };
    const event = newEvent({ source, type: stepType("verified"), subject: forecaster, timeMs: now, data });
    const { step } = await bus.conclude("watch", "verified", event);
    log.info(
      { forecaster, run: run_id, step, checks: state.checks, failed: state.failed_checks },
      "watch ended",
    );
    const ended: WatchState = { ...state, phase: "ended" };
    await this.states.update(watchKey(forecaster), ended, revision).catch((error: unknown) => {
      if (!(error instanceof StaleStateError)) throw error;
    });
    return ended;
  }
}
