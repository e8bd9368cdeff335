import type { Entry, KvBucket } from "../../shared/bus/kv.ts";
import type { Deployed } from "../../shared/contracts/deployer.ts";
import { durationMs } from "../../shared/contracts/duration.ts";
import type { CloudEvent } from "../../shared/contracts/envelope.ts";
import { WatchSpec } from "../../shared/contracts/spec.ts";
import { explain, StaleStateError, UnavailableError } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { SpecStore } from "../../shared/specs.ts";
import type { DeployerConfig } from "./config.ts";
import type { Heartbeats } from "./heartbeats.ts";
import { openDeployments } from "./open-deployments.ts";
import { readScores } from "./read-scores.ts";
import { isAbandoned, type Rollbacks } from "./rollbacks.ts";
import { type WatchState, watchKey, watchOf } from "./state.ts";
import type { Verifier } from "./verifier.ts";
import { decide, isEarly } from "./watch.ts";

interface Timer {
  readonly everyMs: number;
  readonly stop: () => void;
}

/**
 * Watches deployments: looks at each at the interval of its spec, saves what it saw by compare-and-set, and
 * ends the watch as `decide` says. (A-MON-1) Every deployer process watches every deployment; the one that
 * saves a check first has made it. So the watch goes on when a process dies.
 */
export class Watcher {
  private readonly context: ServiceContext;
  private readonly specs: SpecStore;
  private readonly states: KvBucket<WatchState>;
  private readonly heartbeats: Heartbeats;
  private readonly rollbacks: Rollbacks;
  private readonly verifier: Verifier;
  private readonly settleMs: number;
  private readonly startedMs = Date.now();
  private readonly timers = new Map<string, Timer>();
  private readonly inWork = new Set<Promise<void>>();
  private readonly stops: (() => void)[] = [];
  private stopping = false;

  constructor(
    context: ServiceContext,
    parts: {
      specs: SpecStore;
      states: KvBucket<WatchState>;
      heartbeats: Heartbeats;
      rollbacks: Rollbacks;
      verifier: Verifier;
      config: DeployerConfig;
    },
  ) {
    this.context = context;
    this.specs = parts.specs;
    this.states = parts.states;
    this.heartbeats = parts.heartbeats;
    this.rollbacks = parts.rollbacks;
    this.verifier = parts.verifier;
    this.settleMs = parts.config.RETUNE_WATCH_SETTLE_MS;
  }

  get watching(): number {
    return this.timers.size;
  }

  /** Takes up the watches that are open: those of dead processes, and those whose state is not there. */
  async start(): Promise<void> {
    const { bus } = this.context;
    const beats = bus.subscribeCore("telemetry.health.*", (payload, { subject }) => {
      this.heartbeats.record(subject.slice("telemetry.health.".length), payload, Date.now());
    });
    for (const { value, revision } of await this.states.entries("watch.*")) {
      this.track(value);
      if (value.phase === "rolling-back")
        await this.guarded(value.forecaster, () => this.resume({ value, revision }));
    }
    for (const { event, sequence } of await openDeployments(bus, this.context.log))
      await this.guarded(event.data.forecaster, () => this.begin(event, sequence));
    const watch = await this.states.watch("watch.*", ({ value }) => {
      if (value !== null) this.track(value);
    });
    this.stops.push(
      () => beats.stop(),
      () => watch.stop(),
    );
    this.stops.push(this.specs.onChange((forecaster) => this.retime(forecaster)));
  }

  async stop(): Promise<void> {
    this.stopping = true;
    for (const stop of this.stops) stop();
    for (const { stop } of this.timers.values()) stop();
    this.timers.clear();
    await Promise.all(this.inWork);
  }

  /** Starts the watch over a deployment, once. */
  async begin(event: CloudEvent<Deployed>, sequence: number): Promise<void> {
    const { run_id: run, forecaster } = event.data;
    if ((await this.context.bus.outcome(run, "watch")) !== undefined) return;
    for (;;) {
      const entry = await this.states.get(watchKey(forecaster));
      if (entry?.value.run_id === run) {
        const { phase, rollback } = entry.value;
        return phase === "ended" && rollback !== null
          ? this.rollbacks.conclude(entry)
          : this.track(entry.value);
      }
      if (entry?.value.phase === "rolling-back")
        throw new UnavailableError(`a rollback of '${forecaster}' is under way`);
      if (entry !== undefined && entry.value.phase !== "ended")
        await this.verify(entry, entry.value.phase === "verifying" ? undefined : `superseded by run ${run}`);
      const state = watchOf(event, sequence, Date.now());
      try {
        await this.states.update(
          watchKey(forecaster),
          state,
          (await this.states.get(watchKey(forecaster)))?.revision ?? 0,
        );
        return this.track(state);
      } catch (error) {
        if (!(error instanceof StaleStateError)) throw error;
      }
    }
  }

  private track({ forecaster, phase }: WatchState): void {
    const timer = this.timers.get(forecaster);
    if (phase === "ended" || this.stopping) {
      timer?.stop();
      this.timers.delete(forecaster);
    } else if (timer === undefined) {
      const everyMs = durationMs(this.params(forecaster).every);
      const stop = this.context.clock.every(everyMs, () =>
        this.guarded(forecaster, () => this.tick(forecaster)),
      );
      this.timers.set(forecaster, { everyMs, stop });
    }
  }

  private retime(forecaster: string): void {
    const timer = this.timers.get(forecaster);
    if (timer === undefined || timer.everyMs === durationMs(this.params(forecaster).every)) return;
    timer.stop();
    this.timers.delete(forecaster);
    void this.guarded(forecaster, async () => {
      const entry = await this.states.get(watchKey(forecaster));
      if (entry !== undefined) this.track(entry.value);
    });
  }

  private guarded(forecaster: string, task: () => Promise<void>): Promise<void> {
    const work = task()
      .catch((err: unknown) =>
        this.context.log.error({ err, forecaster }, "check of a deployment failed, the next one follows"),
      )
      .finally(() => this.inWork.delete(work));
    this.inWork.add(work);
    return work;
  }

  private async tick(forecaster: string): Promise<void> {
    if (this.stopping) return;
    const entry = await this.states.get(watchKey(forecaster));
    if (entry === undefined) return;
    if (entry.value.phase === "verifying") return this.verify(entry);
    if (entry.value.phase === "rolling-back")
      return isAbandoned(entry.value) ? this.resume(entry) : undefined;
    if (entry.value.phase === "watching") return this.check(entry);
    this.track(entry.value);
  }

  private async check({ value: state, revision }: Entry<WatchState>): Promise<void> {
    const { forecaster } = state;
    const params = this.params(forecaster);
    const at = new Date(this.context.clock.now()).toISOString();
    if (isEarly(state, at, params)) return;
    await this.heartbeats.settled(
      forecaster,
      state.revision,
      Math.max(state.started_at_ms, this.startedMs) + this.settleMs,
    );
    const { scores, sequence } = await readScores(this.context.bus, state);
    const look = {
      at,
      instances: this.heartbeats.of(forecaster, Date.now()),
      scores,
      scoreSequence: sequence,
    };
    const { state: next, verdict } = decide(state, look, params);
    const last = next.last_checks.at(-1);
    if (last?.healthy === false) {
      const { consecutive_failures: failures } = next;
      this.context.log.warn(
        { forecaster, run: state.run_id, failures, of: params.failures, reasons: last.reasons },
        "deployment is unhealthy",
      );
    }
    try {
      if (verdict === "roll-back") {
        await this.rollbacks.carryOut(
          next,
          await this.rollbacks.intentOf(next, last?.reasons ?? []),
          revision,
        );
      } else {
        const saved: WatchState = verdict === "verified" ? { ...next, phase: "verifying" } : next;
        const savedAt = await this.states.update(watchKey(forecaster), saved, revision);
        if (verdict === "verified") await this.verify({ value: saved, revision: savedAt });
      }
    } catch (error) {
      // Another deployer was faster: its check counts. The next tick shows what it found.
      if (!(error instanceof StaleStateError)) throw error;
    }
  }

  private async verify(entry: Entry<WatchState>, superseded?: string): Promise<void> {
    this.track(await this.verifier.verify(entry, superseded));
  }

  private async resume(entry: Entry<WatchState>): Promise<void> {
    try {
      await this.rollbacks.finish(entry);
    } catch (error) {
      throw new UnavailableError(
        `rollback of '${entry.value.forecaster}' could not be finished: ${explain(error)}`,
        { cause: error },
      );
    }
  }

  private params(forecaster: string): WatchSpec {
    return this.specs.get(forecaster)?.watch ?? WatchSpec.parse({});
  }
}
