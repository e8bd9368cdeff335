/** Searches better hyper-parameters for one forecaster after another. See README.md. */
import { windowCache } from "../../shared/history/window-cache.ts";
import { type RunningService, runService, type Service, type ServiceContext } from "../../shared/service.ts";
import { openSpecs } from "../../shared/specs.ts";
import { optimizerConfig } from "./config.ts";
import { Coordinator } from "./coordinator.ts";
import { ResultFeed } from "./results.ts";
import { optimizerStatus } from "./status.ts";
import { TrialWorker } from "./worker.ts";

const description =
  "Searches hyper-parameters by walk-forward backtests; trials are shared by any number of optimizers.";

/** Deliveries never run out: runs and trials give up by their own rules, with a result that says why. */
const MAX_DELIVER = 1_000_000;

async function start(context: ServiceContext): Promise<RunningService> {
  const { bus, env, codeVersion } = context;
  const config = optimizerConfig(env);
  const { ackWaitMs } = config;
  const specs = await openSpecs(context);
  const windows = windowCache(bus.artifacts);
  const feed = await ResultFeed.start(context);
  const coordinator = new Coordinator(context, config, { specs, windows }, feed);
  const worker = new TrialWorker(context, config.workers);

  const runs = await bus.consume({
    stream: "DECISIONS",
    durable: "optimizer-runs",
    filter: "retrain.accepted.>",
    concurrency: config.runs,
    maxDeliver: MAX_DELIVER,
    ackWaitMs,
    handler: ([message]) => coordinator.handle(message!),
  });
  const trials =
    config.workers === 0
      ? undefined
      : await bus.consume({
          stream: "TRIALS",
          durable: "optimizer-trials",
          filter: "trial.>",
          concurrency: config.workers,
          maxDeliver: MAX_DELIVER,
          ackWaitMs,
          handler: ([message]) => worker.handle(message!),
        });
  const endpoints = await bus.serve({
    name: service.name,
    description,
    version: codeVersion,
    endpoints: { "optimizer.status": () => optimizerStatus(context) },
    stats: () => ({ workers: config.workers, busy: worker.busy }),
  });

  return {
    async stop() {
      await endpoints.stop();
      const limit = worker.stopSoon();
      await coordinator.stop();
      await Promise.all([runs.stop(), trials?.stop()]);
      clearTimeout(limit);
      await worker.close();
      feed.stop();
      specs.stop();
    },
  };
}

export const service: Service = { name: "optimizer", description, start };

if (import.meta.main) await runService(service);
