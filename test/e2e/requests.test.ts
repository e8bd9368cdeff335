import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Accepted, Refused } from "../../shared/contracts/trigger.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { terminalSteps } from "../support/agreement.ts";
import { retune, startSystem } from "../support/system.ts";
import { createWorld, series, testSpec, type World, withSamples } from "../support/world.ts";

const HOUR_MS = 3_600_000;
const COPIES = 10_000;
const forecaster = "asked";

describe("ten thousand copies of one request, through the whole system (Shows 2)", () => {
  let world: World;
  let system: Awaited<ReturnType<typeof startSystem>>;

  beforeAll(async () => {
    world = await createWorld([testSpec(forecaster)]);
    const end = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    await world.bus.publishTelemetry("observation", "load", series(900, end), "history");
    system = await startSystem(world);
    await world.until("the first deployment", (runs) => runs.find(({ terminal }) => terminal));
    await world.changeSpec(forecaster, withSamples(31));
  });
  afterAll(async () => {
    await system.stop();
    await world[Symbol.asyncDispose]();
  });

  it("are one run that ends in one terminal event; each copy is told what became of it", async () => {
    const before = new Set((await world.runs()).keys());
    const payload = JSON.stringify({ forecaster, requested_by: "everyone" });
    const first = await world.bus.store("retrain.request", payload, newUuidV7());
    for (let sent = 1; sent < COPIES; sent += 500)
      await Promise.all(
        Array.from({ length: Math.min(500, COPIES - sent) }, () =>
          world.bus.store("retrain.request", payload, newUuidV7()),
        ),
      );
    const ended = await world.until("the run", (runs) =>
      runs.find((run) => run.steps[0]?.data.caused_by.includes(first) === true && run.terminal),
    );
    expect(terminalSteps(ended)).toEqual(["verified"]);

    const told = async () => {
      const answers = [...(await world.runs()).values()].filter(({ run_id }) => !before.has(run_id));
      const of = (step: string) => answers.flatMap((run) => run.steps.filter((each) => each.step === step));
      const accepted = of("accepted").map(({ data }) => Accepted.parse(data));
      const refused = of("refused").map(({ data }) => Refused.parse(data));
      const copies = [...accepted, ...refused].reduce((sum, { coalesced }) => sum + coalesced + 1, 0);
      return {
        accepted: accepted.length,
        reasons: [...new Set(refused.map(({ reason }) => reason))],
        copies,
      };
    };
    await expect.poll(async () => (await told()).copies, { timeout: 20_000 }).toBe(COPIES);
    const { accepted, reasons } = await told();
    expect(accepted).toBe(1);
    expect(reasons.filter((reason) => reason !== "run-active" && reason !== "repeated")).toEqual([]);
    for (const run of (await world.runs()).values()) expect(terminalSteps(run)).toHaveLength(1);
  }, 60_000);

  it("are explained by `retune why` and listed by `retune replay` from the stream alone (Shows 5)", async () => {
    await system.stop();
    const run = [...(await world.runs()).values()].findLast(({ state }) => state === "verified")!;
    const why = await retune(world, ["why", run.run_id]);
    expect(why).toMatchObject({ code: 0, err: "" });
    expect(why.out).toMatch(/everyone asked for it.* requests? gave no reason.*RMSE.*verified/is);

    const replay = await retune(world, ["replay", "--since", "1h", "--json"]);
    expect(replay).toMatchObject({ code: 0, err: "" });
    const lines = replay.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { sequence: number; kind: string; run_id: string | null });
    expect(lines.map(({ sequence }) => sequence)).toEqual(lines.map((_, i) => i + 1));
    expect(lines.filter(({ kind }) => kind === "request")).toHaveLength(COPIES);
    expect(lines.filter(({ run_id }) => run_id === run.run_id).map(({ kind }) => kind)).toEqual(
      run.steps.map(({ step }) => step),
    );
  }, 60_000);
});
