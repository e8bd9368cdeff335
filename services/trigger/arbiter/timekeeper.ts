import type { KvBucket } from "../../../shared/bus/kv.ts";
import { StepData } from "../../../shared/contracts/envelope.ts";
import { parseEvent } from "../../../shared/events.ts";
import type { ServiceContext } from "../../../shared/service.ts";
import type { SpecStore } from "../../../shared/specs.ts";
import type { Actor } from "../actor.ts";
import type { ArbiterState } from "../state.ts";
import { Alarm } from "./alarm.ts";
import { foldStep } from "./following.ts";
import { nextLook } from "./timetable.ts";

/** Steps by which a person decides. */
const PERSONS_STEPS = ["rolled-back", "approved", "rejected"] as const;

export interface TimekeeperPorts {
  readonly specs: SpecStore;
  readonly bucket: KvBucket<ArbiterState>;
  readonly actor: Actor<ArbiterState>;
  /** Lets the arbiter decide on what is due by now. */
  readonly tick: (forecaster: string) => Promise<void>;
  /** Takes in what a run did, from the stream. */
  readonly resync: (forecaster: string, run: string) => Promise<unknown>;
}

/** Sees to it that scheduled runs and those that wait for a window begin when their time has come. */
export class Timekeeper {
  private readonly context: ServiceContext;
  private readonly ports: TimekeeperPorts;
  private readonly alarm: Alarm;
  private readonly forgetSpecs: () => void;

  constructor(context: ServiceContext, ports: TimekeeperPorts) {
    this.context = context;
    this.ports = ports;
    this.alarm = new Alarm(context, (forecaster) => this.look(forecaster));
    const now = (forecaster: string) => this.alarm.set(forecaster, context.clock.now());
    for (const { forecaster } of ports.specs.all()) now(forecaster);
    this.forgetSpecs = ports.specs.onChange(now);
  }

  /** To be told each state that was decided on, by this process or another. */
  plan(forecaster: string, state: ArbiterState): void {
    this.alarm.set(forecaster, this.nextLookMs(forecaster, state));
  }

  /** Does now what is due, however late the clock's timers are. */
  check(): Promise<void> {
    return this.alarm.check();
  }

  async stop(): Promise<void> {
    this.forgetSpecs();
    await this.alarm.stop();
  }

  /** Begins no state for a forecaster that time asks nothing of. */
  private async look(forecaster: string): Promise<void> {
    const { specs, bucket, actor, tick } = this.ports;
    const entry = await bucket.get(`arbiter.${forecaster}`);
    if (entry === undefined && (specs.get(forecaster)?.trigger.schedule.length ?? 0) === 0) return;
    const state = await actor.read(forecaster);
    const nextMs = this.nextLookMs(forecaster, state);
    if (nextMs === null || nextMs > this.context.clock.now()) {
      this.alarm.set(forecaster, nextMs);
      return;
    }
    await this.catchUp(forecaster, state);
    await tick(forecaster);
  }

  /**
   * Takes from the stream what a run or a person did while nobody listened: after a start, steps may still be on their
   * way to the arbiter when a scheduled time or a window has come.
   */
  private async catchUp(forecaster: string, { active }: ArbiterState): Promise<void> {
    const { actor, resync } = this.ports;
    for (const step of PERSONS_STEPS) {
      const last = await this.context.bus.lastMessage("DECISIONS", `retrain.${step}.${forecaster}.*`);
      if (last === undefined) continue;
      const { subject, sequence, time } = last;
      const stored = { subject, sequence, storedMs: time.getTime(), event: parseEvent(last, StepData) };
      await actor.apply(forecaster, (state) => foldStep(state, stored));
    }
    if (active !== null) await resync(forecaster, active.run);
  }

  private nextLookMs(forecaster: string, state: ArbiterState): number | null {
    return nextLook(state, this.ports.specs.get(forecaster), this.context.clock.now());
  }
}
