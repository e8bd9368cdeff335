/** Puts approved configs live, watches them, takes them back. See README.md. */
import { join } from "node:path";
import { systemClock } from "../../shared/clock.ts";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { type RunningService, runService, type Service, type ServiceContext } from "../../shared/service.ts";
import { openSpecs } from "../../shared/specs.ts";
import { approve } from "./approvals.ts";
import { deployerConfig, gitSettings } from "./config.ts";
import { Deployments } from "./deployments.ts";
import { Heartbeats } from "./heartbeats.ts";
import { LiveFolder } from "./live-folder.ts";
import { reconcile } from "./reconcile.ts";
import { RepositoryProcess } from "./repository-process.ts";
import { Rollbacks } from "./rollbacks.ts";
import { WatchState } from "./state.ts";
import { Verifier } from "./verifier.ts";
import { Watcher } from "./watcher.ts";

/** Deliveries never run out: a run that cannot be deployed ends by the deployer's own rules, with a cause. */
const MAX_DELIVER = 1_000_000;

async function start(context: ServiceContext): Promise<RunningService> {
  const { bus, dirs, env, log, codeVersion } = context;
  const config = deployerConfig(env);
  const root = join(dirs.configs, "live");
  const configs = bus.kv("live-configs", LiveConfig);
  const folder = new LiveFolder(root);
  const repository = new RepositoryProcess(root, gitSettings(config), log);
  const ports = { configs, folder, repository };
  const specs = await openSpecs(context);
  await folder.sweep(Date.now());
  await reconcile(context, configs, folder, 0);

  const states = bus.kv("states", WatchState);
  const verifier = new Verifier(context, specs, states);
  const rollbacks = new Rollbacks(context, ports, states, verifier);
  const heartbeats = new Heartbeats();
  const watcher = new Watcher(context, { specs, states, heartbeats, rollbacks, verifier, config });
  await watcher.start();
  const deployments = new Deployments(context, ports, specs, watcher);
  // Of the machine's time, as what it looks for: pauses and deaths of processes.
  const looking = systemClock.every(config.RETUNE_RECONCILE_MS, async () => {
    try {
      await deployments.sweep();
      await reconcile(context, configs, folder);
    } catch (err) {
      log.error({ err }, "could not look whether files and bucket agree, the next look follows");
    }
  });

  const steps = { stream: "DECISIONS", maxDeliver: MAX_DELIVER, concurrency: 8 } as const;
  const approved = await bus.consume({
    ...steps,
    durable: "deployer-approved",
    filter: "retrain.approved.>",
    handler: async ([message]) => deployments.approved(message!),
  });
  const trialled = await bus.consume({
    ...steps,
    durable: "deployer-trialled",
    filter: "retrain.trialled.>",
    handler: async ([message]) => deployments.trialled(message!),
  });
  const serving = await bus.serve({
    name: "deployer",
    description: service.description,
    version: "0.1.0",
    metadata: { code_version: codeVersion },
    endpoints: {
      "deployer.rollback": (payload) => rollbacks.request(payload),
      "deployer.approve": (payload) => approve(context, payload),
    },
    stats: () => ({ ...deployments.counts, watching: watcher.watching }),
  });
  return {
    async stop() {
      looking();
      await serving.stop();
      await Promise.all([approved.stop(), trialled.stop()]);
      await deployments.idle();
      await watcher.stop();
      repository.close();
      specs.stop();
    },
  };
}

export const service: Service = {
  name: "deployer",
  description: "Puts approved configs live: backup, bucket, file, git; watches them and rolls back.",
  start,
};

if (import.meta.main) await runService(service);
