/** Decides when to optimize and who may run: detectors, timer, requests, one arbiter. See README.md. */
import { z } from "zod";
import { durationMs } from "../../shared/contracts/duration.ts";
import { subjects, Token } from "../../shared/contracts/subjects.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import { type RunningService, runService, type Service, type ServiceContext } from "../../shared/service.ts";
import { openSpecs, type SpecStore } from "../../shared/specs.ts";
import { Arbitration, DURABLES as DECISIONS } from "./arbitration.ts";
import { triggerConfig } from "./config.ts";
import { Evaluation, DURABLES as TELEMETRY } from "./evaluation.ts";

/** Real time: how soon a crash is repaired and a hung run noticed, how soon a short history is looked at again. */
const MAINTAIN_EVERY_MS = 30_000;
const POLL_EVERY_MS = 1_000;
const HOUR_MS = 3_600_000;

const ForecasterRequest = z.looseObject({ forecaster: Token.optional() }).optional();

async function start(context: ServiceContext): Promise<RunningService> {
  const { bus, clock } = context;
  const { runTimeoutMs } = triggerConfig(context.env);
  const specs = await openSpecs(context);
  const arbitration = new Arbitration(context, specs);
  const evaluation = new Evaluation(context, specs, arbitration.actor);
  const maintain = async () => {
    await arbitration.maintain(runTimeoutMs);
    await evaluation.maintain();
  };
  await maintain();

  const consumers = await Promise.all([
    bus.consume({
      stream: "DECISIONS",
      durable: DECISIONS.requests,
      filter: subjects.request,
      batch: 500,
      handler: (messages) => arbitration.onRequests(messages),
    }),
    bus.consume({
      stream: "DECISIONS",
      durable: DECISIONS.steps,
      filter: "retrain.>",
      batch: 100,
      handler: async (messages) => {
        await evaluation.onDecisions(messages);
        await arbitration.onDecisions(messages);
      },
    }),
    bus.consume({
      stream: "TELEMETRY",
      durable: TELEMETRY.scores,
      filter: "telemetry.score.>",
      batch: 500,
      handler: (messages) => evaluation.onScores(messages),
    }),
    bus.consume({
      stream: "TELEMETRY",
      durable: TELEMETRY.observations,
      filter: "telemetry.observation.>",
      batch: 500,
      handler: (messages) => evaluation.onObservations(messages),
    }),
  ]);
  const micro = await bus.serve({
    name: service.name,
    description: service.description,
    version: "0.1.0",
    endpoints: {
      "trigger.evaluate": (payload) => evaluateNow(payload, specs, evaluation),
      "trigger.status": (payload) => arbitration.status(askedFor(payload, "trigger.status", specs)),
    },
    stats: () => ({ ...arbitration.counts, ...evaluation.counts }),
  });

  const stops = [
    everyTick(context, specs, () => evaluation.onTimer()),
    everyReal(MAINTAIN_EVERY_MS, context, maintain),
    everyReal(POLL_EVERY_MS, context, () => evaluation.onPoll()),
  ];
  context.log.info(
    { forecasters: specs.all().length, now: new Date(clock.now()).toISOString() },
    "trigger started",
  );
  return {
    async stop() {
      await Promise.all(stops.map((stop) => stop()));
      await micro.stop();
      await Promise.all(consumers.map((each) => each.stop()));
      await arbitration.stop();
      specs.stop();
    },
  };
}

async function evaluateNow(payload: unknown, specs: SpecStore, evaluation: Evaluation) {
  const asked = askedFor(payload, "trigger.evaluate", specs);
  const reports = [];
  for (const forecaster of asked === undefined ? specs.all().map((spec) => spec.forecaster) : [asked]) {
    const report = await evaluation.evaluate(forecaster, "request");
    if (report !== undefined) reports.push(report);
  }
  return { reports };
}

/**
 * The forecaster that a request names, undefined for all.
 *
 * @throws {InvalidInputError} when it is malformed or there is no such forecaster
 */
function askedFor(payload: unknown, subject: string, specs: SpecStore): string | undefined {
  const parsed = ForecasterRequest.safeParse(payload);
  if (!parsed.success)
    throw new InvalidInputError(`request on '${subject}': expected {} or {"forecaster":"usdclp-7d"}`);
  const asked = parsed.data?.forecaster;
  if (asked !== undefined && specs.get(asked) === undefined)
    throw new InvalidInputError(
      `request on '${subject}': field 'forecaster': there is no forecaster '${asked}'`,
    );
  return asked;
}

/** Calls `task` on the domain clock, at least four times per shortest `evaluate_every`, hourly at most rarely. */
function everyTick(
  context: ServiceContext,
  specs: SpecStore,
  task: () => Promise<void>,
): () => Promise<void> {
  let intervalMs = 0;
  let cancel = () => {};
  const plan = () => {
    const wanted = Math.min(
      HOUR_MS,
      ...specs.all().map((spec) => durationMs(spec.trigger.evaluate_every) / 4),
    );
    if (wanted === intervalMs) return;
    cancel();
    intervalMs = wanted;
    cancel = context.clock.every(wanted, task);
  };
  plan();
  const forget = specs.onChange(plan);
  return async () => {
    forget();
    cancel();
  };
}

/** Calls `task` in real time, never twice at once; the result waits for a call that is under way. */
function everyReal(
  intervalMs: number,
  { log }: ServiceContext,
  task: () => Promise<void>,
): () => Promise<void> {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= task()
      .catch((err: unknown) => log.error({ err }, "periodic work failed"))
      .finally(() => {
        running = undefined;
      });
  }, intervalMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}

export const service: Service = {
  name: "trigger",
  description: "Decides when a forecaster is optimized: detectors, timer, requests, one arbiter.",
  start,
};

if (import.meta.main) await runService(service);
