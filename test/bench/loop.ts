import { setTimeout as sleep } from "node:timers/promises";
import { startAll } from "../../services/console/up.ts";
import { systemClock } from "../../shared/clock.ts";
import type { RunSummary } from "../../shared/contracts/run.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { createLog } from "../../shared/log.ts";
import { ROOT } from "../../shared/service.ts";
import { createWorld, series, testSpec, withSamples } from "../support/world.ts";
import { type BenchResult, quantile } from "./result.ts";

const HOUR_MS = 3_600_000;
/** As many as the demo and the shipped configs have. */
const FORECASTERS = 4;
const ROUNDS = 40;
const WARM_UP = 8;
/** For what follows a deployment, or a change of a spec, which is not part of the loop. */
const PAUSE_MS = 200;

/**
 * The whole loop, `retrain.request` in to `deployed` out, with compute left out: one trial of a model that
 * costs nothing, against a champion that costs as little. Services in one process over a real server; window, file,
 * git and alert included as they are. Every forecaster has had its first deployment, which needs no request; before each
 * request its search space is given another value, so that the search finds something to deploy.
 */
export async function run(): Promise<BenchResult[]> {
  const search = {
    ...testSpec("x").search,
    space: { context_length: [96], num_samples: [10], temperature: [1] },
    backtest: "12h",
    step_size: 6,
    history: "10d",
  };
  const forecasters = Array.from({ length: FORECASTERS }, (_, i) => `f${i}`);
  const specs = forecasters.map((forecaster) =>
    testSpec(forecaster, {
      model: { family: "last-value" },
      search,
      watch: { duration: "1s", every: "1s", failures: 3 },
    }),
  );
  await using world = await createWorld(specs);
  const end = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
  await world.bus.publishTelemetry("observation", "load", series(400, end), "history");
  const { env, data, configs } = world;
  const system = await startAll({
    env,
    dirs: { root: ROOT, data, configs },
    clock: systemClock,
    log: createLog(env),
    settings: { servers: world.nats.url },
  });
  try {
    const times: number[] = [];
    for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
      const forecaster = forecasters[round % FORECASTERS]!;
      // Until its last run's watch has ended a request would be refused.
      const ended = (runs: RunSummary[]) => {
        const own = runs.filter((run) => run.forecaster === forecaster);
        const isIdle = own.length > Math.floor(round / FORECASTERS) && own.every(({ terminal }) => terminal);
        return isIdle ? own.at(-1) : undefined;
      };
      await world.until(`the end of run ${round} of ${forecaster}`, ended);
      await world.changeSpec(forecaster, withSamples(20 + round));
      await sleep(PAUSE_MS);
      let arrived: () => void = () => {};
      const deployed = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      const subscription = world.bus.subscribeCore(`retrain.deployed.${forecaster}.*`, () => arrived());
      await subscription.ready;
      const begun = performance.now();
      await world.bus.store(
        subjects.request,
        JSON.stringify({ forecaster, request_id: newUuidV7() }),
        `bench-${round}`,
      );
      await deployed;
      if (round >= WARM_UP) times.push(performance.now() - begun);
      subscription.stop();
      await sleep(PAUSE_MS);
    }
    return [
      {
        name: "request in to `deployed` out, p50",
        value: quantile(times, 0.5),
        unit: "ms",
        target: "<= 50 ms",
      },
      { name: "the same, p99", value: quantile(times, 0.99), unit: "ms" },
    ];
  } finally {
    await system.stop();
  }
}
