import { LiveConfig } from "../../../shared/contracts/live-config.ts";
import type { ServiceContext } from "../../../shared/service.ts";
import { openSpecs } from "../../../shared/specs.ts";
import { askTiming } from "../timing.ts";
import { Projection } from "./projection.ts";

/** How far back telemetry is read at the start: enough for the charts, bounded however long the stream is. */
const TELEMETRY_BACKLOG = 10_000; // messages

/** How often the trigger is asked what waits and what comes next. */
const TIMING_EVERY_MS = 10_000;

export interface LiveProjection {
  readonly projection: Projection;
  /** Why the projection cannot be trusted yet or any more; undefined when it can. */
  problem(): Promise<string | undefined>;
  stop(): Promise<void>;
}

/**
 * Keeps a projection current: specs and live configs by watching their buckets, decisions from the first
 * on, telemetry from the recent past on, progress and the demo's words as they come, what the trigger has in mind
 * by asking it. Starts nothing durable, so any number of consoles may look on.
 */
export async function followAll({ bus }: Pick<ServiceContext, "bus">): Promise<LiveProjection> {
  const projection = new Projection();
  const specs = await openSpecs({ bus });
  for (const spec of specs.all()) projection.spec(spec.forecaster, spec);
  specs.onChange((id) => projection.spec(id, specs.get(id)));
  const core = [
    bus.subscribeCore("progress.>", (value) => projection.progress(value)),
    bus.subscribeCore("demo.status", (value) => projection.demoStatus(value)),
  ];
  const configs = await bus.kv("live-configs", LiveConfig).watch("*", ({ key, value, revision }) => {
    projection.live(key, value, revision);
  });

  const goals = { decisions: (await bus.streamState("DECISIONS")).lastSequence, telemetry: 0 };
  const reached = { decisions: 0, telemetry: 0 };
  const caughtUp = () => reached.decisions >= goals.decisions && reached.telemetry >= goals.telemetry;
  const decisions = await bus.follow("DECISIONS", {}, (message) => {
    projection.decision(message);
    reached.decisions = message.sequence;
    projection.setReady(caughtUp());
  });
  const { firstSequence, lastSequence, messages } = await bus.streamState("TELEMETRY");
  goals.telemetry = messages === 0 ? 0 : lastSequence;
  const fromSequence = Math.max(firstSequence, lastSequence - TELEMETRY_BACKLOG + 1);
  const telemetry = await bus.follow("TELEMETRY", { fromSequence }, (message) => {
    projection.telemetry(message);
    reached.telemetry = message.sequence;
    projection.setReady(caughtUp());
  });
  projection.setReady(caughtUp());
  const asking = askNowAndThen(bus, projection);

  return {
    projection,
    async problem() {
      if (!caughtUp()) return `reading the streams: ${goals.decisions - reached.decisions} decisions to go`;
      try {
        await Promise.race([bus.streamState("DECISIONS"), timeLimit(2_000)]);
        return undefined;
      } catch {
        return "NATS does not answer";
      }
    },
    async stop() {
      for (const each of core) each.stop();
      asking.stop();
      configs.stop();
      specs.stop();
      await Promise.all([decisions.stop(), telemetry.stop()]);
    },
  };
}

/** Asks the trigger, one question at a time, the next one `TIMING_EVERY_MS` after the answer. */
function askNowAndThen(bus: ServiceContext["bus"], projection: Projection): { stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const ask = async () => {
    const statuses = await askTiming(bus, TIMING_EVERY_MS);
    if (stopped) return;
    projection.timing(statuses);
    timer = setTimeout(ask, TIMING_EVERY_MS).unref();
  };
  void ask();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

function timeLimit(ms: number): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms).unref();
  });
}
