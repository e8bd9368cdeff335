/** Raises alerts by the rules of `configs/alerts.yaml` and takes them to people. See README.md. */
import type { Consumption } from "../../shared/bus/consume.ts";
import { durationMs } from "../../shared/contracts/duration.ts";
import { type RunningService, runService, type Service, type ServiceContext } from "../../shared/service.ts";
import { openSpecs } from "../../shared/specs.ts";
import type { Channel } from "./channels/channel.ts";
import { emailChannel } from "./channels/email.ts";
import { logChannel } from "./channels/log.ts";
import { slackChannel } from "./channels/slack.ts";
import { notifierConfig } from "./config.ts";
import { type ChannelCounts, deliverTo } from "./deliver.ts";
import { LetterGroups } from "./letters.ts";
import { AlertRaiser } from "./raise.ts";
import { loadRules, RULES_FILE } from "./rules.ts";
import { LettersState, NotifierState } from "./state.ts";

const LOOK_EVERY_MS = 3_600_000;
const TELL_EVERY_MS = 60_000;

async function start(context: ServiceContext): Promise<RunningService> {
  const { bus, clock, dirs, env, log, codeVersion } = context;
  const config = notifierConfig(env);
  const rules = await loadRules(dirs.configs);
  if (rules === undefined)
    log.warn({ file: RULES_FILE, folder: dirs.configs }, "no alert rules: nobody is alerted");

  const counts: Record<string, ChannelCounts> = {};
  const consumptions: Consumption[] = [];
  // Channels before rules: an alert that is raised finds its consumers there.
  for (const channel of [emailChannel(config), slackChannel(config), logChannel(log)]) {
    if (typeof channel === "string") log.info({ missing: channel }, "channel is off");
    else consumptions.push(await open(channel));
  }
  function open(channel: Channel) {
    const own = { delivered: 0, refused: 0, gave_up: 0 };
    counts[channel.name] = own;
    return deliverTo(channel, context, rules ?? [], own);
  }

  const specs = await openSpecs(context);
  const raiser = new AlertRaiser(context, rules ?? [], bus.kv("states", NotifierState));
  consumptions.push(
    await bus.consume({
      stream: "DECISIONS",
      durable: "notifier-steps",
      filter: "retrain.>",
      handler: async ([message]) => raiser.step(message!),
    }),
  );
  const windowMs = durationMs(config.ALERT_DEAD_LETTER_WINDOW);
  const letters = new LetterGroups(context, rules ?? [], windowMs, bus.kv("states", LettersState));
  consumptions.push(
    await bus.consume({
      stream: "DECISIONS",
      durable: "notifier-dead-letters",
      filter: "alert.raised.dead-letter.*",
      handler: ([message]) => letters.letter(message!),
    }),
  );
  const windows = await letters.start();
  const stopTelling = clock.every(TELL_EVERY_MS, () =>
    letters
      .tick()
      .catch((err: unknown) => log.error({ err }, "dead letters could not be told, the next look follows")),
  );
  const stopLooking = clock.every(LOOK_EVERY_MS, async () => {
    for (const { forecaster, enabled } of specs.all()) {
      if (!enabled) continue;
      await raiser
        .tick(forecaster)
        .catch((err: unknown) =>
          log.error({ err, forecaster }, "rules could not be applied, the next look follows"),
        );
    }
  });
  const serving = await bus.serve({
    name: "notifier",
    description: service.description,
    version: "0.1.0",
    metadata: { code_version: codeVersion },
    endpoints: {},
    stats: () => ({ ...raiser.counts, ...letters.counts, channels: counts }),
  });
  return {
    async stop() {
      stopLooking();
      stopTelling();
      windows.stop();
      await serving.stop();
      await Promise.all(consumptions.map((each) => each.stop()));
      specs.stop();
    },
  };
}

export const service: Service = {
  name: "notifier",
  description: "Alert rules over runs; delivers alerts by e-mail, webhook and log.",
  start,
};

if (import.meta.main) await runService(service);
