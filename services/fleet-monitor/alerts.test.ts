import { describe, expect, it } from "vitest";
import type { FleetStatus } from "../../shared/contracts/fleet-monitor.ts";
import { wantedAlerts } from "./alerts.ts";
import { at, TestFleet } from "./fleet.fixture.ts";

/** A calm fleet of twenty, with changes. */
function status(changes: Partial<FleetStatus>): FleetStatus {
  const calm = new TestFleet().status();
  return { ...calm, as_of: at(40), seen: 20, known: 20, drift: 0, tier: "none", ...changes };
}

const rates = { by_time: 0.2, by_count: 0.04 };

describe("the alerts a fleet calls for (C-OPS-1, D-ALR-1)", () => {
  for (const [situation, changes, expected] of [
    ["a calm fleet", {}, {}],
    ["a drift of 10 to 20 %", { drift: 0.15, tier: "low" }, {}],
    ["a drift of 20 to 35 %", { drift: 0.35, tier: "medium" }, { "fleet-drift": "medium" }],
    ["a drift above", { drift: 0.4, tier: "high" }, { "fleet-drift": "high" }],
    ["unknown predictions of 5 to 15 %", { unknown_tier: "warning" }, { "fleet-unknown": "medium" }],
    ["unknown predictions above", { unknown_tier: "critical" }, { "fleet-unknown": "high" }],
    ["an outage", { outage: { since: at(40), reason: "feed" } }, { "fleet-outage": "high" }],
    ["a drifted fleet with a model of 30 days", { drift: 0.1, tier: "low", model_since: at(10) }, {}],
    ["one with an older model", { drift: 0.1, tier: "low", model_since: at(9.99) }, { "fleet-stale": "low" }],
    ["an old model of a fleet that has not changed", { model_since: at(0) }, {}],
    [
      "entities without data",
      { silent: [{ entity: "a", state: "offline", days: 1 }], silent_total: 1 },
      { "fleet-silent": "low" },
    ],
    ["a series without entities", { seen: 0, outage: { since: at(40), reason: "feed" } }, {}],
  ] as const)
    it(`${situation}: ${Object.keys(expected).join(", ") || "none"}`, () => {
      const wanted = wantedAlerts(status(changes as Partial<FleetStatus>));
      expect(Object.fromEntries([...wanted].map(([rule, { severity }]) => [rule, severity]))).toEqual(
        expected,
      );
    });

  it("say what they rest on", () => {
    const silent = ["a", "b", "c", "d", "e", "f"].map((entity) => ({
      entity,
      state: "offline" as const,
      days: 1,
    }));
    const wanted = wantedAlerts(
      status({
        drift: 0.35,
        tier: "medium",
        new_total: 5,
        sunset_total: 2,
        unknown_tier: "critical",
        unknown_rates: rates,
        predictions: { by_time: 5_000, by_count: 1_000 },
        silent,
        silent_total: 9,
      }),
    );
    expect([...wanted.values()].map(({ message }) => message)).toEqual([
      "fleet drift is 35.0 %: 5 new and 2 sunset of 20 known",
      "20.0 % of the predictions in the window, 4.0 % of the last 1000, are about entities the model does not know",
      "no data from a (offline), b (offline), c (offline), d (offline), e (offline) and 4 more",
    ]);
  });
});
