/** Approves, rejects or holds what a search has found. See README.md. */
import { type RunningService, runService, type Service, type ServiceContext } from "../../shared/service.ts";
import { openSpecs } from "../../shared/specs.ts";
import { validatorConfig } from "./config.ts";
import { Examiner } from "./examiner.ts";

const description =
  "Measures candidate and live config on the same windows and approves, rejects or holds the candidate.";

/** Deliveries never run out: a run that cannot be judged ends by the validator's own rules, with a cause. */
const MAX_DELIVER = 1_000_000;

/** Longest that a run under way may hold up the end of the process. */
const STOP_LIMIT_MS = 10_000;

async function start(context: ServiceContext): Promise<RunningService> {
  const { bus, env, codeVersion } = context;
  const config = validatorConfig(env);
  const specs = await openSpecs(context);
  const examiner = new Examiner(context, config, specs);
  const runs = await bus.consume({
    stream: "DECISIONS",
    durable: "validator-runs",
    filter: "retrain.searched.>",
    maxDeliver: MAX_DELIVER,
    ackWaitMs: config.ackWaitMs,
    handler: ([message]) => examiner.handle(message!),
  });
  const endpoints = await bus.serve({ name: service.name, description, version: codeVersion, endpoints: {} });

  return {
    async stop() {
      await endpoints.stop();
      const limit = setTimeout(() => void examiner.stop(), STOP_LIMIT_MS);
      await runs.stop();
      clearTimeout(limit);
      await examiner.stop();
      specs.stop();
    },
  };
}

export const service: Service = { name: "validator", description, start };

if (import.meta.main) await runService(service);
