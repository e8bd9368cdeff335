import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, specWith } from "../judgement/situation.fixture.ts";
import { layoutOf } from "./layout.ts";

describe("spacing of kept points", () => {
  it.each([
    ["a daily series is kept whole", { step: "1d" }, {}, DAY_MS / 13],
    ["an hourly one is kept every other hour", { step: "1h", season_length: 24 }, {}, 2 * HOUR_MS],
    [
      "a divisor of the season is taken, so that no phase is lost",
      { step: "15m", season_length: 96 },
      {},
      8 * 15 * 60_000,
    ],
    ["without a season the next whole number of steps", { step: "15m" }, {}, 8 * 15 * 60_000],
    ["an odd season has no divisor to take", { step: "15m", season_length: 101 }, {}, 8 * 15 * 60_000],
    ["as short as the windows are", { step: "1m" }, { drift: { recent: "1h", reference: "4h" } }, 20_000],
  ] as const)("%s", (_, parts, trigger, spacing) =>
    expect(layoutOf(specWith(trigger, parts)).pointMs).toBe(spacing),
  );

  it("covers the longest window of the detectors that are on, trials included", () => {
    const spanOf = (trigger: object) => layoutOf(specWith(trigger)).pointSpanMs / DAY_MS;
    expect(spanOf({})).toBe(74);
    expect(spanOf({ psi: { reference: "300d" } })).toBe(74);
    expect(spanOf({ psi: { enabled: true, reference: "300d" } })).toBe(314);
    expect(spanOf({ adwin: { enabled: true, trial: { window: "200d" } } })).toBe(200);
  });

  it("changes its key with windows alone, not with thresholds", () => {
    const key = (trigger: object) => layoutOf(specWith(trigger)).key;
    expect(key({ performance: { threshold: 0.3 } })).toBe(key({}));
    expect(key({ performance: { baseline: "90d" } })).not.toBe(key({}));
    expect(key({ performance: { trial: { metric: "mape" } } })).not.toBe(key({}));
  });
});
