import { service } from "../../services/optimizer/main.ts";
import {
  accept,
  applySpec,
  dailyRows,
  searchOutcome,
  serveWindows,
  testSpec,
} from "../../services/optimizer/search.fixture.ts";
import type { Searched } from "../../shared/contracts/optimizer.ts";
import { TEST_TIME_MS, testContext } from "../support/context.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import type { BenchResult } from "./result.ts";

const ROUNDS = 3;
/** Each looks at another context, so no trial finds another's predictions. */
const CONTEXTS = Array.from({ length: 12 }, (_, i) => 272 + 16 * i);
const space = { context_length: CONTEXTS, num_samples: [10], temperature: [1] };

/**
 * One search by one optimizer with one worker and with two, alternately, `accepted` in to `searched` out, over a real
 * server; the least of each counts, as whatever else runs can only add to it. The processes of the workers are warm, what
 * they predict is not. Two free cores are needed.
 */
export async function run(): Promise<BenchResult[]> {
  const nats = await startTestNats();
  const people = await testContext(nats, { name: "people" });
  const windows = await serveWindows(people, () => dailyRows(900, TEST_TIME_MS));
  try {
    const times = { one: [] as number[], two: [] as number[] };
    let busy = 0;
    const tables = new Set<string>();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, workers] of [
        ["one", 1],
        ["two", 2],
      ] as const) {
        const { ms, searched } = await search(nats, people, `${name}-${round}`, workers);
        times[name].push(ms);
        const worked = searched.trials.reduce((sum, { duration_ms }) => sum + duration_ms, 0);
        if (name === "two") busy = Math.max(busy, worked / (workers * ms));
        tables.add(JSON.stringify(searched.trials.map(({ number, params, rmse }) => [number, params, rmse])));
      }
    }
    const [one, two] = [Math.min(...times.one), Math.min(...times.two)];
    return [
      { name: "12 trials, one worker", value: one, unit: "ms" },
      { name: "12 trials, two workers", value: two, unit: "ms" },
      { name: "one / two", value: one / two, unit: "times", target: ">= 1.7" },
      { name: "two workers at work, most of the time of a search", value: 100 * busy, unit: "%" },
      { name: "different trial tables", value: tables.size, unit: "", target: "1" },
    ];
  } finally {
    await windows.stop();
    await people[Symbol.asyncDispose]();
    await nats.stop();
  }
}

async function search(
  nats: TestNats,
  people: Awaited<ReturnType<typeof testContext>>,
  forecaster: string,
  workers: number,
): Promise<{ ms: number; searched: Searched }> {
  const env = { RETUNE_OPTIMIZER_WORKERS: String(workers) };
  const optimizer = await testContext(nats, { name: "optimizer", env });
  const running = await service.start(optimizer);
  // As many trials as workers: each then has its process, with the model open.
  const warm = testSpec(`warm-${forecaster}`, {
    space: { ...space, context_length: [100, 116].slice(0, workers) },
  });
  const cold = testSpec(forecaster, { space, backtest: "90d", time_limit: "10m" }, { horizon: "70d" });
  await applySpec(people, warm);
  await applySpec(people, cold);
  await searchOutcome(people, warm.forecaster, (await accept(people, warm.forecaster)).run);
  const startedAt = performance.now();
  const { run } = await accept(people, forecaster);
  const { searched, failed } = await searchOutcome(people, forecaster, run);
  const ms = performance.now() - startedAt;
  await running.stop();
  await optimizer[Symbol.asyncDispose]();
  if (searched === undefined) throw new Error(`the search failed: ${failed?.cause}`);
  return { ms, searched };
}

if (import.meta.main) console.table(await run());
