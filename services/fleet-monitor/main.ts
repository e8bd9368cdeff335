/** Knows which entities each series has, which are new, which fell silent, and how stale the models' vocabulary is. See README.md. */
import type { Message } from "../../shared/bus/message.ts";
import type { FleetStatus } from "../../shared/contracts/fleet-monitor.ts";
import { Token } from "../../shared/contracts/subjects.ts";
import { Observation, Prediction } from "../../shared/contracts/telemetry.ts";
import { explain, InvalidInputError } from "../../shared/errors.ts";
import { type RunningService, runService, type Service, type ServiceContext } from "../../shared/service.ts";
import { openSpecs, type SpecStore } from "../../shared/specs.ts";
import { fleetSettings } from "./config.ts";
import { forget, predicted, seen, statusOf } from "./decide.ts";
import { type Fleet, FleetShard, newFleet } from "./state.ts";
import { FleetStore } from "./store.ts";

const STREAM = "TELEMETRY";
const FUTURE_LIMIT_MS = 86_400_000;
/** A series whose saved sequence is further back than this is saved anew, so that a start need not read so far. */
const STALE_MESSAGES = 100_000;

export const service: Service = {
  name: "fleet-monitor",
  description: "Entities seen, new and silent; fleet drift; unknown-prediction rate",
  start,
};

async function start(context: ServiceContext): Promise<RunningService> {
  const { bus, env, log, reportHealth } = context;
  const { windowMs, saveMs } = fleetSettings(env);
  const specs = await openSpecs(context);
  const store = new FleetStore(bus.kv("fleet", FleetShard), log);
  const fleets = await store.load();
  const { created } = await bus.streamState(STREAM);
  let read = Infinity;
  for (const fleet of fleets.values()) {
    if (fleet.stream !== created) Object.assign(fleet, { stream: created, lastSequence: 0 });
    read = Math.min(read, fleet.lastSequence);
  }
  if (!Number.isFinite(read)) read = 0;

  const fleetOf = (series: string): Fleet => {
    const fleet = fleets.get(series) ?? newFleet(series, created);
    fleets.set(series, fleet);
    return fleet;
  };
  const following = await bus.follow(STREAM, { fromSequence: read + 1 }, (message) => {
    takeIn(message, context, specs, fleetOf, windowMs);
    read = message.sequence;
  });

  let saving = Promise.resolve();
  let saved = Number.NaN;
  const save = () => {
    saving = saving.then(async () => {
      if (saved === read) return;
      const upTo = read;
      try {
        for (const fleet of fleets.values()) {
          forget(fleet);
          if (fleet.dirty.size === 0 && read - fleet.lastSequence < STALE_MESSAGES) continue;
          // No message of this series lies between its own last one and the last one read.
          fleet.lastSequence = read;
          await store.save(fleet);
        }
        saved = upTo;
        reportHealth("fleet", null);
      } catch (err) {
        reportHealth("fleet", `fleet state cannot be saved: ${explain(err)}`);
        log.warn({ err }, "fleet state cannot be saved, will try again");
      }
    });
    return saving;
  };
  const timer = setInterval(() => void save(), saveMs);

  const serving = await bus.serve({
    name: service.name,
    description: service.description,
    version: "1.0.0",
    endpoints: { "fleet-monitor.status": async (payload) => answer(payload, fleets, windowMs) },
    stats: () => ({
      series: fleets.size,
      entities: [...fleets.values()].reduce((sum, { members }) => sum + members.size, 0),
      last_sequence: read,
    }),
  });
  return {
    async stop() {
      clearInterval(timer);
      await serving.stop();
      await following.stop();
      await save();
      specs.stop();
    },
  };
}

/** Bad records are the inference-buffer's to refuse; here they are passed over. */
function takeIn(
  message: Message,
  { clock }: ServiceContext,
  specs: SpecStore,
  fleetOf: (series: string) => Fleet,
  windowMs: number,
): void {
  const [, kind, id] = message.subject.split(".");
  if ((kind !== "observation" && kind !== "prediction") || !Token.safeParse(id).success) return;
  const series = kind === "observation" ? id : specs.get(id!)?.series;
  if (series === undefined) return;
  let payload: unknown;
  try {
    payload = message.json();
  } catch {
    return;
  }
  const fleet = fleetOf(series);
  if (message.sequence <= fleet.lastSequence) return;
  const latest = clock.now() + FUTURE_LIMIT_MS;
  for (const record of Array.isArray(payload) ? payload : [payload]) {
    if (kind === "observation") {
      const observation = Observation.safeParse(record);
      if (observation.success && Date.parse(observation.data.ts) <= latest) seen(fleet, observation.data);
    } else {
      const prediction = Prediction.safeParse(record);
      if (prediction.success && Date.parse(prediction.data.issued_at) <= latest)
        predicted(fleet, prediction.data, windowMs);
    }
  }
  fleet.lastSequence = message.sequence;
}

function answer(payload: unknown, fleets: ReadonlyMap<string, Fleet>, windowMs: number): FleetStatus[] {
  const series = (payload as { series?: unknown } | undefined)?.series;
  if (series !== undefined && !Token.safeParse(series).success) {
    throw new InvalidInputError(
      `fleet-monitor.status: field 'series' is ${JSON.stringify(series)}, expected the id of a series`,
    );
  }
  const wanted = [...fleets.values()].filter((fleet) => series === undefined || fleet.series === series);
  return wanted.toSorted((a, b) => (a.series < b.series ? -1 : 1)).map((fleet) => statusOf(fleet, windowMs));
}

if (import.meta.main) await runService(service);
