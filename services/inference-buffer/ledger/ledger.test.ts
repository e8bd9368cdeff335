import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BufferStats, LedgerReply } from "../../../shared/contracts/inference-buffer.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { type TestContext, testContext } from "../../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../../test/support/nats.ts";
import { observation, prediction } from "../buffer.fixture.ts";
import { service } from "../main.ts";

let nats: TestNats;
let data: string;
let context: TestContext;

beforeAll(async () => {
  nats = await startTestNats();
  data = await mkdtemp(join(tmpdir(), "retune-ledger-"));
  context = await testContext(nats, { data, env: { RETUNE_BUFFER_FLUSH_MS: "50" } });
});
afterAll(async () => {
  await context[Symbol.asyncDispose]();
  await nats.stop();
  await rm(data, { recursive: true, force: true });
});

let messageId = 0;
const publish = (kind: "observation" | "prediction", id: string, ...records: object[]) =>
  context.bus.publishTelemetry(kind, id, records, `m-${messageId++}`);
const ledger = (request: object) => context.bus.request("inference-buffer.ledger", request, LedgerReply);
const counts = (made: number, matured: number, scored: number, missing: number, in_incident = 0) => ({
  made,
  matured,
  scored,
  missing,
  in_incident,
});

describe("the ledger of predictions and truth", () => {
  it("counts each prediction once, by step: made, matured, scored, missing; and the same after a restart", async () => {
    const spec = ForecasterSpec.parse({ forecaster: "usd-7d", series: "usd", entity: "CLP", horizon: "7d" });
    await context.bus.kv("specs", ForecasterSpec).put(spec.forecaster, spec);
    let running = await service.start(context);
    const far = 214; // the clock of the test
    const first = [prediction(0, 1, 1), prediction(0, 2, 1), prediction(0, 3, 1)];
    await publish("prediction", "usd-7d", ...first);
    await publish("prediction", "usd-7d", ...first, { ...first[0]!, mean: 9, entity: "CLP" });
    await publish("prediction", "usd-7d", prediction(0, 1, 1, { model_version: "v2" }));
    await publish("prediction", "usd-7d", prediction(0, 1, 1, { variant: "challenger" }));
    await publish("prediction", "usd-7d", prediction(far, far + 1, 1), prediction(far - 1, far + 1, 1));
    const clp = (n: number) => ({ ...observation(n, 1), entity: "CLP" });
    await publish("observation", "usd", clp(1), clp(2), { ...observation(3, 1), entity: "EUR" });
    const stats = () => context.bus.request("inference-buffer.stats", undefined, BufferStats);
    while ((await stats()).scored < 4) await sleep(20);
    const expected = [
      { step: 1, ...counts(3, 2, 2, 0) },
      { step: 2, ...counts(2, 1, 1, 0) },
      { step: 3, ...counts(1, 1, 0, 0) },
    ];
    expect(await ledger({ forecaster: "usd-7d" })).toMatchObject({
      steps: expected,
      total: counts(6, 4, 3, 0),
    });
    expect((await ledger({ forecaster: "usd-7d", variant: "challenger" })).steps).toEqual([
      { step: 1, ...counts(1, 1, 1, 0) },
    ]);
    await running.stop();
    running = await service.start(context);
    expect((await ledger({ forecaster: "usd-7d" })).steps).toEqual(expected);

    await publish("observation", "usd", { ...observation(40, 1), entity: "EUR" });
    expect((await ledger({ forecaster: "usd-7d" })).steps[2]).toEqual({ step: 3, ...counts(1, 1, 0, 1) });
    await expect(ledger({ forecaster: "nobody" })).rejects.toThrow(
      /'forecaster' is 'nobody', expected one that has a spec/,
    );
    await expect(ledger({})).rejects.toThrow(/field 'forecaster'/);
    await running.stop();
  });
});
