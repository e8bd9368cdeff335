import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../shared/clock.ts";
import type { RolledBack } from "../../../shared/contracts/deployer.ts";
import { openFamily } from "../../../shared/forecasting/families.ts";
import { createLog } from "../../../shared/log.ts";
import { ROOT } from "../../../shared/service.ts";
import { createWorld, type World } from "../../../test/support/world.ts";
import { startAll } from "../up.ts";
import { DEMO_START_MS, playDemo, prepareDemo } from "./demo.ts";
import { readRates } from "./rates.ts";
import { skewModel } from "./skewed-model.ts";

describe("the demo's data", () => {
  it("are the working days of years, in order, as the notice says", async () => {
    const rates = await readRates();
    expect(rates).toHaveLength(2261);
    expect(rates[0]).toEqual({ ts: "2018-01-02T00:00:00Z", rate: 1.2065 });
    expect(rates.at(-1)?.ts).toBe("2026-10-30T00:00:00Z");
    expect(rates.map(({ ts }) => ts)).toEqual(rates.map(({ ts }) => ts).toSorted());
  });
});

describe("the damaged model", () => {
  it("loads like the shipped one and forecasts too high", async () => {
    const path = join(ROOT, "models", "tiny-bolt", "model.onnx");
    const [sound, damaged] = [
      await openFamily("chronos-bolt", path),
      await openFamily("chronos-bolt", skewModel(await readFile(path))),
    ];
    const context = Float32Array.from({ length: 180 }, (_, i) => 1.1 + 0.01 * Math.sin(i / 7));
    const spec = {
      horizon: 5,
      context_length: 180,
      num_samples: 100,
      temperature: 1,
      season_length: 1,
      seed: 1,
    };
    const [truth] = await sound.forecast([context], spec);
    const [skewed] = await damaged.forecast([context], spec);
    expect(skewed!.mean.every((value, i) => value > truth!.mean[i]! + 0.003)).toBe(true);
    await Promise.all([sound.release(), damaged.release()]);
  });

  it("is refused for a file that is not the shipped model", () => {
    expect(() => skewModel(new Uint8Array(10))).toThrow(/no tensor/);
  });
});

describe("the demo", () => {
  it("closes the loop: first deployments, a trigger, a swap, and a roll-back by itself", async () => {
    const folder = await mkdtemp(join(tmpdir(), "retune-demo-"));
    const world: World = await createWorld([]);
    const dirs = await prepareDemo({ root: ROOT, data: folder, configs: join(ROOT, "configs") });
    const clock = new VirtualClock(DEMO_START_MS);
    const log = createLog({ LOG_LEVEL: "fatal" });
    const env = { ...world.env, RETUNE_DATA: dirs.data, RETUNE_CONFIGS: dirs.configs };
    const system = await startAll({ env, dirs, clock, log, settings: { servers: world.nats.url } });
    const stopping = new AbortController();
    const pace = { storyDays: 110, faultDay: 22, fastMs: 0, slowMs: 0, faultMs: 0 };
    const playing = playDemo({
      bus: system.bus,
      clock,
      dirs,
      log,
      say: () => {},
      signal: stopping.signal,
      pace,
    });
    try {
      const rolledBack = await world.until(
        "the roll-back",
        (runs) => runs.find(({ state }) => state === "rolled-back"),
        100_000,
      );
      expect(rolledBack.forecaster).toBe("eurusd-15d");
      const { cause, reasons } = rolledBack.steps.at(-1)!.data as unknown as RolledBack;
      expect(cause).toBe("watch");
      expect(reasons[0]).toMatch(/RMSE .* times the champion's/);
      const runs = [...(await world.runs()).values()];
      expect(runs.filter(({ state }) => state === "verified").length).toBeGreaterThanOrEqual(4);
      const causes = runs.map((run) => (run.steps[0]!.data as { cause?: string }).cause);
      expect(causes).toEqual(expect.arrayContaining(["first-deployment", "trigger", "manual"]));
    } finally {
      stopping.abort();
      await playing;
      await system.stop();
      await world[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    }
  }, 120_000);
});
