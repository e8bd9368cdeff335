import { describe, expect, it } from "vitest";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { daysNeeded } from "./retention.ts";

const spec = (more: object) => ForecasterSpec.parse({ forecaster: "f", series: "s", horizon: "7d", ...more });
const search = (history: string, backtest: string, longest = 8) => ({
  search: { history, backtest, space: { context_length: [8, longest] } },
});

describe("how long observations are needed (D-BUF-1)", () => {
  for (const [what, specs, days] of [
    ["the seed's numbers: 730 d and 30 d of backtest", [spec({})], 761],
    ["the most demanding spec decides", [spec(search("90d", "10d")), spec(search("200d", "1.5d"))], 203],
    ["never less than 60 days", [spec({ ...search("2h", "30m"), step: "1m" })], 60],
    [
      "a context that reaches further back than the search",
      [spec({ ...search("90d", "10d", 52), step: "1w" })],
      365,
    ],
    ["weekdays stretch a context", [spec({ ...search("90d", "10d", 100), calendar: "weekdays" })], 141],
    [
      "prices that a strategy is tuned on (B-STR-1)",
      [spec({ ...search("90d", "10d"), strategy: { history: "365d" } })],
      456,
    ],
    ["a disabled forecaster may come back", [spec({ enabled: false })], 761],
    ["no spec yet: nothing is let go", [], Number.POSITIVE_INFINITY],
  ] as const) {
    it(what, () => {
      expect(daysNeeded(specs)).toBe(days);
    });
  }
});
