import { describe, expect, it } from "vitest";
import { SearchSpec } from "../../shared/contracts/spec.ts";
import { chronosBoltFamily } from "../../shared/forecasting/chronos-bolt/family.ts";
import { planSearch } from "../../shared/forecasting/search-plan.ts";
import { allPoints } from "../../shared/search/space.ts";
import { adaptation, type Machine, thisMachine } from "./adapt.ts";
import type { LossBook } from "./losses.ts";

const search = SearchSpec.parse({ time_limit: "60s" });
const whole = planSearch(search, [chronosBoltFamily]);
const machine: Machine = { cores: 2, memoryMb: 1_000 };

/** What the seed's 27 trials took, if contexts of 365 take twenty seconds and others one. */
const costs: LossBook["costs"] = [...allPoints(whole.space)].map((point) => ({
  ...{ point, duration_ms: point.context_length === 365 ? 20_000 : 1_000 },
  ...{ memory_mb: 100, out_of_memory: false },
}));

function planned(over: { machine?: Machine; costs?: LossBook["costs"] }) {
  const notes: string[] = [];
  const adapt = adaptation(search, over.machine ?? machine, { costs: over.costs ?? costs }, notes);
  return { plan: planSearch(search, [chronosBoltFamily], { adapt }), notes };
}

describe("a search that adapts to the machine at hand (A-OPT-8)", () => {
  it("is as the spec says where nothing was measured yet, and where it fits", () => {
    expect(planned({ costs: [] })).toEqual({ plan: whole, notes: [] });
    expect(planned({ machine: { cores: 4, memoryMb: 1_000 } })).toEqual({ plan: whole, notes: [] });
  });

  it("goes without what takes too long, and says so", () => {
    const { plan, notes } = planned({});
    expect(plan.size).toBe(18);
    expect(notes).toEqual([
      "'context_length' goes without 365: on 2 cores the search would take 99 s, and has 60 s; without it 9 s",
    ]);
  });

  it("goes without what ran out of memory", () => {
    const starved = costs.map((each) => ({ ...each, out_of_memory: each.point.num_samples === 200 }));
    const { plan, notes } = planned({ machine: { cores: 8, memoryMb: 1_000 }, costs: starved });
    expect(plan.size).toBe(18);
    expect(notes).toEqual([
      expect.stringMatching(/^'num_samples' goes without 200: such trials ran out of memory/),
    ]);
  });
});

describe("this machine", () => {
  it("does no more trials at a time than the process works on, and shares its memory among them", () => {
    const [one, many] = [thisMachine(1), thisMachine(64)];
    expect(one.cores).toBe(1);
    expect(many.cores).toBeGreaterThanOrEqual(1);
    expect(many.memoryMb * many.cores).toBeLessThanOrEqual(one.memoryMb);
    expect(thisMachine(0)).toEqual(many);
  });
});
