import { describe, expect, it } from "vitest";
import { addSteps, ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { day, prediction } from "../buffer.fixture.ts";
import { observe, predict } from "../decide.ts";
import { newLedger } from "../state.ts";
import { seasonalOriginMs, seasonMs, seasonOf } from "./seasonal-naive.ts";

const spec = (over: object) =>
  ForecasterSpec.parse({ forecaster: "usd-7d", series: "usd", horizon: "7d", ...over });

/** Errors of the seasonal naive forecast issued on day `issued`, where the value of day n is n squared. */
function errors(over: object, issued: number, steps: number[], from = 0): (number | undefined)[] {
  const ledger = newLedger([spec(over)]);
  ledger.holding = false;
  for (let n = from; n <= issued; n += 1) observe(ledger, "usd", { ts: day(n), values: { value: n * n } });
  for (const step of steps) predict(ledger, "usd-7d", prediction(issued, issued + step, 0));
  return steps.map((step) => {
    const n = issued + step;
    const { scored } = observe(ledger, "usd", { ts: day(n), values: { value: n * n } });
    const error = scored[0]!.scores[0]!.seasonal_naive_error;
    return error === undefined ? undefined : Math.sqrt(error + n * n);
  });
}

describe("the seasonal naive baseline of a score", () => {
  it.each([
    ["repeats the value one season before the target", { season_length: 7 }, 20, [1, 7], [14, 20]],
    ["goes back as many seasons as it takes to be known", { season_length: 3 }, 20, [3, 4, 7], [20, 18, 18]],
    ["is absent without a season", { season_length: 1 }, 20, [1], [undefined]],
    ["is absent where the season is detected", { season_length: "auto" }, 20, [1], [undefined]],
  ] as const)("%s", (_, over, issued, steps, origins) => {
    expect(errors(over, issued, [...steps])).toEqual(origins);
  });

  it("is absent where that value was not observed", () => {
    expect(errors({ season_length: 7 }, 20, [1, 2], 15)).toEqual([undefined, 15]);
  });

  it("reaches back a season that is longer than predictions wait", () => {
    expect(errors({ season_length: 365 }, 370, [1, 7])).toEqual([6, 12]);
  });

  it("is absent where step and times disagree, so that nothing unknown at the time of issue is used", () => {
    const season = seasonOf(spec({ season_length: 2 }))!;
    const [issuedMs, targetMs] = [Date.parse(day(0)), Date.parse(day(5))];
    expect(seasonalOriginMs({ issuedMs, targetMs, step: 1 }, season)).toBeUndefined();
  });
});

describe("a season on a weekday calendar", () => {
  for (const step of ["1d", "1h", "6h"] as const) {
    it(`of ${step} steps goes back what addSteps goes forward, within seasonMs`, () => {
      const calendar = "weekdays" as const;
      for (const length of [2, 5, 24, 120]) {
        const season = seasonOf(spec({ season_length: length, step, calendar }))!;
        for (let hour = 0; hour < 24 * 5; hour += 6) {
          const issuedMs = Date.parse("2024-06-03T00:00:00Z") + hour * 3_600_000;
          if (step === "1d" && hour % 24 !== 0) continue;
          const targetMs = addSteps(issuedMs, length, { step, calendar });
          expect(seasonalOriginMs({ issuedMs, targetMs, step: length }, season)).toBe(issuedMs);
          expect(targetMs - issuedMs).toBeLessThanOrEqual(seasonMs(season));
        }
      }
    });
  }
});
