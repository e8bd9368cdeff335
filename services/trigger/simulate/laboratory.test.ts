import { afterEach, describe, expect, it } from "vitest";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Points } from "../../../shared/forecasting/context.ts";
import { uniform } from "../../../shared/forecasting/random.ts";
import { Laboratory } from "./laboratory.ts";

const DAY_MS = 86_400_000;
const START = Date.parse("2025-01-01T00:00:00Z");
const at = (day: number) => START + day * DAY_MS;
const CONFIG = { context_length: 30, num_samples: 50, temperature: 1 };

const spec = ForecasterSpec.parse({
  forecaster: "weekly",
  series: "weekly",
  horizon: "3d",
  season_length: 7,
  model: { family: "seasonal-naive" },
  search: { backtest: "14d", space: { context_length: [8, 30], num_samples: [50], temperature: [1] } },
});

/** A week that repeats: what the seasonal naive forecast knows by heart. */
function weekly(days: number, from = 0): Points {
  const times = Array.from({ length: days }, (_, i) => at(from + i));
  return { times, values: times.map((_, i) => 10 + ((from + i) % 7)) };
}

let open: Laboratory[] = [];
async function laboratory(points: Points, over: Partial<ForecasterSpec> = {}): Promise<Laboratory> {
  const made = await Laboratory.open({ ...spec, ...over }, points, undefined);
  open.push(made);
  return made;
}
afterEach(async () => {
  await Promise.all(open.map((each) => each.release()));
  open = [];
});

describe("a course of forecasts", () => {
  it("scores each forecast once its truth has arrived, and each observation by every forecast of it", async () => {
    const course = (await laboratory(weekly(40))).course();
    const scores = [
      ...(await course.advance(at(0) - 1, at(20), CONFIG)),
      ...(await course.advance(at(20), at(39), CONFIG)),
    ];
    const last = scores.filter(({ target_ts }) => target_ts === new Date(at(39)).toISOString());
    expect(last.map(({ issued_at, step }) => [Date.parse(issued_at), step])).toEqual([
      [at(36), 3],
      [at(37), 2],
      [at(38), 1],
    ]);
    expect(last.map(({ error, actual }) => [error, actual])).toEqual([0, 0, 0].map((error) => [error, 14]));
  });

  it("is the same in one go and day by day", async () => {
    const made = await laboratory(weekly(30));
    const whole = await made.course().advance(at(0) - 1, at(29), CONFIG);
    const course = made.course();
    const daily = [];
    for (let day = 0; day < 30; day++) daily.push(...(await course.advance(at(day) - 1, at(day), CONFIG)));
    expect(daily).toEqual(whole);
  });

  it("forecasts nothing while nothing is served", async () => {
    const course = (await laboratory(weekly(30))).course();
    expect(await course.advance(at(0) - 1, at(29), null)).toEqual([]);
  });

  it("knows nothing of what comes after: another future changes no forecast of the past", async () => {
    const past = weekly(30);
    const futures = [1, 2].map((seed) => ({
      times: [...past.times, ...weekly(10, 30).times],
      values: [...past.values, ...Array.from({ length: 10 }, (_, i) => 1e3 * uniform(seed, i))],
    }));
    const [a, b] = await Promise.all(
      futures.map(async (points) => (await laboratory(points)).course().advance(at(0) - 1, at(29), CONFIG)),
    );
    expect(a!.length).toBeGreaterThan(50);
    expect(a).toEqual(b);
    const searches = await Promise.all(
      futures.map(async (points) => (await laboratory(points)).search(at(29), null)),
    );
    expect(searches[0]!.served).toEqual(searches[1]!.served);
  });
});

describe("a search on the past", () => {
  it("finds the context that knows the season, and deploys it where nothing is served", async () => {
    const found = await (await laboratory(weekly(60), { season_length: 14 })).search(at(59), null);
    expect(found).toMatchObject({ outcome: "deployed", served: { context_length: 30 } });
  });

  it("keeps the champion where the candidate is not better by what the spec asks (A-VAL-1)", async () => {
    const made = await laboratory(weekly(60), { season_length: 14 });
    expect(await made.search(at(59), CONFIG)).toMatchObject({ outcome: "rejected", served: CONFIG });
    const worse = { ...CONFIG, context_length: 8 };
    expect(await made.search(at(59), worse)).toMatchObject({ outcome: "deployed", served: CONFIG });
  });

  it("fails with the reason where the past is too short, and keeps the champion", async () => {
    const found = await (await laboratory(weekly(60))).search(at(10), CONFIG);
    expect(found).toMatchObject({ outcome: "failed", served: CONFIG });
    expect(found.reason).toMatch(/too short for a backtest/);
  });

  it("minimises what the spec's search does", async () => {
    // Noise with spikes now and then: what is best by its largest errors is not what is best by the usual ones.
    let level = 100;
    const days = Array.from({ length: 300 }, (_, t) => t);
    const values = days.map((t) => {
      const normal = [0, 1, 2, 3].reduce((sum, i) => sum + uniform(24, t, i), -2);
      level += normal;
      return level + (uniform(100, t, 0) < 0.05 ? 30 * uniform(100, t, 1) : 0);
    });
    const points = { times: days.map(at), values };
    const served = async (objective: "mae" | "rmse") => {
      const search = { objective, step_size: 7, history: "250d", backtest: "60d" };
      const space = { context_length: [15, 30, 60, 90, 150], num_samples: [50], temperature: [1] };
      const picky = ForecasterSpec.parse({
        ...{ forecaster: "spiky", series: "spiky", horizon: "7d", season_length: 1 },
        ...{ model: { family: "ets" }, search: { ...search, space } },
      });
      const result = await (await laboratory(points, picky)).search(at(299), null);
      expect(result.outcome).toBe("deployed");
      return result.served!.context_length;
    };
    expect(await served("mae")).not.toBe(await served("rmse"));
  });
});
