import { describe, expect, it } from "vitest";
import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import { type ConfigEvent, type ConfigState, decide } from "./decide.ts";

const config = {
  forecaster: "f",
  horizon: "7d",
  context_length: 90,
  num_samples: 50,
  temperature: 1,
  model: "last-value",
  artifact: null,
  version: 1,
  run_id: "01975ed6-1b6e-7b3a-8c5d-000000000000",
  validation_rmse: null,
  validation_mape: null,
  validation_mae: null,
  search_iterations: 0,
  optimization_time_seconds: 0,
  timestamp: "2025-01-01T00:00:00Z",
} satisfies LiveConfig;

const committed = (revision: number, over: object = {}): ConfigEvent => ({
  kind: "committed",
  revision,
  previous: undefined,
  deleted: false,
  value: config,
  ...over,
});
const read = (asked: number, revision?: number): ConfigEvent => ({
  kind: "read",
  asked,
  entry: revision === undefined ? undefined : { value: config, revision },
});
const seen = (revision: number, present = true): ConfigState => ({ seen: revision, present });

describe("news of a live config", () => {
  for (const [fact, state, event, action, next, gap] of [
    ["loads the first one", seen(0, false), committed(3), "load", seen(3), false],
    ["loads a newer one", seen(3), committed(5, { previous: 3 }), "load", seen(5), false],
    ["loads what a read finds", seen(3), read(3, 5), "load", seen(5), false],
    ["ignores a repeat", seen(5), committed(5), "ignore", seen(5), false],
    ["ignores an older one, however it comes", seen(5), read(5, 4), "ignore", seen(5), false],
    [
      "loads and reports a gap when a write was missed",
      seen(3),
      committed(9, { previous: 7 }),
      "load",
      seen(9),
      true,
    ],
    [
      "clears on a deletion",
      seen(3),
      committed(4, { deleted: true, value: undefined, previous: 3 }),
      "clear",
      seen(4, false),
      false,
    ],
    ["clears when a read finds nothing", seen(3), read(3), "clear", seen(3, false), false],
    ["ignores an absence that was read before the last news", seen(5), read(3), "ignore", seen(5), false],
    ["clears once", seen(5, false), read(5), "ignore", seen(5, false), false],
    ["loads what comes after a deletion", seen(4, false), committed(6), "load", seen(6), false],
    [
      "refuses what breaks the contract",
      seen(3),
      committed(5, { value: { ...config, temperature: 0 } }),
      "refuse",
      seen(5),
      false,
    ],
    [
      "refuses the config of another forecaster",
      seen(3),
      committed(5, { value: { ...config, forecaster: "g" } }),
      "refuse",
      seen(5),
      false,
    ],
  ] as const) {
    it(fact, () => {
      const decision = decide(state, event, "f");
      expect(decision.action.kind).toBe(action);
      expect(decision.state).toEqual(next);
      expect(decision.gap).toBe(gap);
    });
  }

  it("names revision, field and fault of what it refuses", () => {
    const { action } = decide(seen(0), committed(2, { value: { ...config, context_length: 3 } }), "f");
    expect(action).toMatchObject({ error: expect.stringMatching(/revision 2: field 'context_length'/) });
  });

  it("never goes back, whatever order news come in", () => {
    let state = seen(0, false);
    const loaded: number[] = [];
    for (const event of [
      committed(2),
      read(0, 1),
      committed(4),
      committed(3),
      read(2),
      read(4, 4),
      committed(7),
      read(4, 5),
    ]) {
      const decision = decide(state, event, "f");
      state = decision.state;
      if (decision.action.kind === "load") loaded.push(decision.action.revision);
    }
    expect(loaded).toEqual([2, 4, 7]);
  });
});
