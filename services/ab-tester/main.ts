/** Lets challengers run in the champion's shadow and says which is better. See README.md. */
import { type RunningService, runService, type Service, type ServiceContext } from "../../shared/service.ts";
import { openSpecs } from "../../shared/specs.ts";
import { abTesterConfig } from "./config.ts";
import { Endpoints } from "./endpoints.ts";
import { Runner } from "./runner.ts";
import { Tests } from "./tests.ts";
import { MAX_DELIVERIES, Trials } from "./trials.ts";

async function start(context: ServiceContext): Promise<RunningService> {
  const { checkMs } = abTesterConfig(context.env);
  const { bus } = context;
  const specs = await openSpecs(context);
  const tests = new Tests(context);
  const runners = new Map<string, Runner>();

  const watch = await tests.bucket.watch(">", ({ key, value, revision }) => {
    const running = value?.status === "running" && value.placed;
    if (!running) void runners.get(key)?.stop();
    if (!running || runners.has(key)) return;
    runners.set(key, new Runner(context, tests, { value, revision }, checkMs, () => runners.delete(key)));
  });
  const trials = new Trials(context, specs, tests);
  const approvals = await bus.consume({
    stream: "DECISIONS",
    durable: "ab-tester-approved",
    filter: "retrain.approved.>",
    maxDeliver: MAX_DELIVERIES,
    handler: async (messages) => {
      for (const message of messages) await trials.approved(message);
    },
  });
  const serving = await bus.serve({
    name: "ab-tester",
    description: service.description,
    version: "0.1.0",
    endpoints: new Endpoints(context, specs, tests).handlers,
    stats: () => ({ running: runners.size }),
  });

  return {
    async stop() {
      await serving.stop();
      await approvals.stop();
      watch.stop();
      await Promise.all([...runners.values()].map((runner) => runner.stop()));
      specs.stop();
    },
  };
}

export const service: Service = {
  name: "ab-tester",
  description: "Compares a challenger with the champion on the same targets",
  start,
};
if (import.meta.main) await runService(service);
