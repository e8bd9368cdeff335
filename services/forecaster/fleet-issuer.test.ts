import { describe, expect, it } from "vitest";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import { openFamily } from "../../shared/forecasting/families.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { type Due, FleetIssuer, RUN } from "./fleet-issuer.ts";
import { FleetStore } from "./fleet-store.ts";
import { type LiveModel, NotFiniteError } from "./issuer.ts";
import type { ServedModel } from "./model-host.ts";

const HOUR_MS = 3_600_000;
const spec = ForecasterSpec.parse({
  forecaster: "load",
  series: "load",
  entities: "all",
  step: "1h",
  horizon: "2h",
});

/** A fleet of which each entity has as many hourly observations of one value as said. */
function fleet(members: Record<string, readonly [count: number, value: number]>): Due[] {
  const store = new FleetStore();
  for (const [entity, [count, value]] of Object.entries(members))
    for (let i = 1; i <= count; i += 1) store.add(entity, i * HOUR_MS, value);
  return [...store.members()].map((member) => ({ ...member, issuedAtMs: member.store.newest! }));
}

/** Last value, which refuses contexts that are shorter than ten steps and answers 13 with NaN; counts its runs. */
async function live(
  vocabulary: readonly string[] | null = null,
): Promise<{ model: LiveModel; runs: number[] }> {
  const runs: number[] = [];
  const { forecast, release } = await openFamily("last-value");
  const model: ServedModel = {
    vocabulary: vocabulary === null ? null : new Set(vocabulary),
    release,
    async forecast(contexts, asked) {
      runs.push(contexts.length);
      expect(asked.series).toHaveLength(contexts.length);
      if (contexts.some((context) => context.length < 10)) throw new InvalidInputError("too short");
      const made = await forecast(contexts, asked);
      return made.map((each, i) =>
        contexts[i]!.at(-1) === 13 ? { ...each, mean: each.mean.fill(Number.NaN) } : each,
      );
    },
  };
  const config = LiveConfig.parse({
    ...{ forecaster: "load", horizon: "2h", context_length: 24, num_samples: 10, temperature: 1 },
    ...{ model: "last-value", artifact: null, version: 1, run_id: newUuidV7(), search_iterations: 1 },
    ...{ validation_rmse: null, validation_mape: null, validation_mae: null },
    ...{ optimization_time_seconds: 1, timestamp: "2025-01-01T00:00:00Z" },
  });
  return {
    model: { config, revision: 1, model, loadedAt: "2025-01-01T00:00:00Z", newest: undefined },
    runs,
  };
}

describe("forecasts of a fleet", () => {
  it("are made for many entities in one run of the model", async () => {
    const dues = fleet(
      Object.fromEntries(Array.from({ length: RUN + 3 }, (_, i) => [`s${i}`, [12, i + 20]])),
    );
    const { model, runs } = await live();
    const issued = await new FleetIssuer(spec, "champion", () => {}).issue(model, dues);
    expect(runs).toEqual([RUN, 3]);
    issued.forEach((each, i) => {
      expect("predictions" in each && each.predictions.map(({ entity, mean }) => [entity, mean])).toEqual([
        [`s${i}`, i + 20],
        [`s${i}`, i + 20],
      ]);
    });
  });

  it("leave nobody out because another one cannot be forecast, and say why", async () => {
    const dues = fleet({ a: [12, 1], young: [3, 2], short: [9, 3], b: [12, 4], bad: [12, 13], c: [12, 5] });
    const { model } = await live();
    const issued = await new FleetIssuer(spec, "champion", () => {}).issue(model, dues);
    const said = issued.map((each) => ("error" in each ? each.error : each.predictions[0]!.mean));
    expect(said).toEqual([
      1,
      expect.objectContaining({ message: expect.stringMatching(/'young' has 3 observed values/) }),
      expect.objectContaining({ message: expect.stringMatching(/'short': too short/) }),
      4,
      expect.any(NotFiniteError),
      5,
    ]);
  });

  it("are computed once for each observation, and again when a late one changes the context", async () => {
    const dues = fleet({ a: [12, 1], b: [12, 2] });
    const { model, runs } = await live();
    const issuer = new FleetIssuer(spec, "champion", () => {});
    const first = await issuer.issue(model, dues);
    expect(await issuer.issue(model, dues)).toEqual(first);
    dues[1]!.store.add(0.5 * HOUR_MS, 7);
    await issuer.issue(model, dues);
    expect(runs).toEqual([2, 1]);
  });

  it("say which entities the model was trained with (C-FLT-2)", async () => {
    const dues = fleet({ a: [12, 1], newcomer: [12, 2] });
    const { model } = await live(["a"]);
    const issued = await new FleetIssuer(spec, "champion", () => {}).issue(model, dues);
    const known = issued.map((each) => "predictions" in each && each.predictions[0]!.known_entity);
    expect(known).toEqual([true, false]);
  });
});
