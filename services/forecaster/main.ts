/** Serves forecasts: one process for one forecaster or for all of them. See README.md. */
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { type RunningService, runService, type Service, type ServiceContext } from "../../shared/service.ts";
import { openSpecs } from "../../shared/specs.ts";
import { forecasterConfig } from "./config.ts";
import { Forecaster } from "./forecaster.ts";
import { ThreadedModelHost } from "./model-host.ts";
import { ModelPool } from "./model-pool.ts";
import { SeriesFeeds } from "./series-feeds.ts";

async function start(context: ServiceContext): Promise<RunningService> {
  const config = forecasterConfig(context.env);
  const host = new ThreadedModelHost(config.modelThreads);
  const pool = new ModelPool(context.bus.artifacts, host);
  const feeds = new SeriesFeeds(context, config.windowTimeoutMs);
  const specs = await openSpecs(context);
  const served = new Map<string, { forecaster: Forecaster; description: string }>();
  const changes = new Map<string, Promise<void>>();
  let stopping = false;

  const adjust = async (id: string): Promise<void> => {
    const spec = stopping ? undefined : specs.get(id);
    const wanted = spec?.enabled && (config.only?.includes(id) ?? true) ? spec : undefined;
    const running = served.get(id);
    if (running !== undefined && running.description === (wanted && describe(wanted))) return;
    served.delete(id);
    await running?.forecaster.stop();
    if (wanted === undefined) return;
    const forecaster = new Forecaster(context, wanted, config, { pool, feeds });
    served.set(id, { forecaster, description: describe(wanted) });
    try {
      await forecaster.start();
    } catch (err) {
      context.log.error({ err, forecaster: id }, "forecaster could not be started, will try again");
      served.delete(id);
      await forecaster.stop();
      setTimeout(() => void change(id), config.pollMs).unref();
    }
  };
  /** Changes of one forecaster follow each other; those of several go on at the same time. */
  const change = (id: string): Promise<void> => {
    const before = changes.get(id) ?? Promise.resolve();
    const next = before
      .then(() => adjust(id))
      .catch((err: unknown) => {
        context.log.error({ err, forecaster: id }, "forecaster could not be started");
      });
    changes.set(id, next);
    return next;
  };

  specs.onChange((id) => void change(id));
  await Promise.all(specs.all().map(({ forecaster }) => change(forecaster)));
  for (const id of config.only ?? []) {
    if (specs.get(id) === undefined)
      context.log.warn({ forecaster: id }, "waiting for a spec of this forecaster");
  }

  return {
    async stop() {
      stopping = true;
      specs.stop();
      await Promise.all([...served.keys()].map(change));
      await Promise.all(changes.values());
      await host.close();
    },
  };
}

/** What of a spec a running forecaster depends on: a change of anything else does not restart it. */
function describe(spec: ForecasterSpec): string {
  const { series, metric, entity, entities, bounds, step, calendar, season_length, horizon, search } = spec;
  return JSON.stringify([
    ...[series, metric, entity, entities, bounds, step, calendar, season_length, search.seed],
    // What is live says how far is forecast; a fleet also asks the spec, how much of it fits a message.
    entities === "all" ? horizon : null,
  ]);
}

export const service: Service = {
  name: "forecaster",
  description: "Forecasts with the live config and swaps it without a pause",
  start,
};
if (import.meta.main) await runService(service);
