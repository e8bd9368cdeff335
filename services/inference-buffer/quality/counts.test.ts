import { describe, expect, it } from "vitest";
import { withMemory } from "../../../shared/history/duckdb.ts";
import { countDay } from "./counts.ts";
import { DAY_MS } from "./quality.ts";

/** Gaps of a day of hourly observations, Monday to Friday, of which one Friday ends at 20:00. */
const gapsOf = (day: string, calendar: "all" | "weekdays") =>
  withMemory(async (connection) => {
    await connection.run(`CREATE OR REPLACE TEMP TABLE past AS
      SELECT 'observation' AS kind, 'fx' AS id, NULL::VARCHAR AS entity, 'close' AS metric, ts,
        row_number() OVER ()::UBIGINT AS seq, 0::UBIGINT AS idx
      FROM range(TIMESTAMP '2026-01-05', TIMESTAMP '2026-01-24', INTERVAL 1 HOUR) hours(ts)
      WHERE isodow(ts) <= 5 AND NOT (ts > TIMESTAMP '2026-01-16 20:00' AND ts < TIMESTAMP '2026-01-19')`);
    const dayMs = Date.parse(day);
    const expectation = { everyMs: 3_600_000, maxGapMs: undefined, calendar };
    const range = { dayMs, untilMs: dayMs + DAY_MS };
    const { counts } = await countDay(connection, "past", "fx", range, expectation);
    return [counts.gaps, counts.longestGapMs / 3_600_000];
  });

describe("the gaps of a day", () => {
  for (const [what, day, calendar, expected] of [
    ["none over a weekend of a weekday calendar", "2026-01-12", "weekdays", [0, 0]],
    ["the rest of a silence over a weekend", "2026-01-19", "weekdays", [1, 4]],
    ["none within the week", "2026-01-13", "weekdays", [0, 0]],
    ["the weekend where every day counts", "2026-01-12", "all", [1, 49]],
  ] as const) {
    it(`are ${what}`, async () => {
      expect(await gapsOf(day, calendar)).toEqual(expected);
    });
  }
});
