import { describe, expect, it } from "vitest";
import {
  activeIntervals,
  contains,
  foldIncident,
  type IncidentEvent,
  IncidentRaised,
  type IncidentsState,
  noIncidents,
  overlaps,
} from "./incidents.ts";

const at = (day: number) => `2025-03-${String(day).padStart(2, "0")}T00:00:00.000Z`;
const ms = (day: number) => Date.parse(at(day));

let sequence = 0;
const raised = (incident: string, from: number, to: number | null, over: object = {}): IncidentEvent => ({
  verb: "raised",
  id: `raised ${incident} ${++sequence}`,
  time: at(28),
  sequence,
  data: IncidentRaised.parse({
    incident,
    scope: { series: "usd" },
    from: at(from),
    to: to === null ? null : at(to),
    reason: "feed broken",
    by: "ana",
    ...over,
  }),
});
const cleared = (incident: string, to?: number, time = at(28)): IncidentEvent => ({
  verb: "cleared",
  id: `cleared ${incident} ${++sequence}`,
  time,
  sequence,
  data: { incident, ...(to === undefined ? {} : { to: at(to) }) },
});

function folded(...events: IncidentEvent[]): { state: IncidentsState; refused: (string | undefined)[] } {
  let state = noIncidents("usd");
  const refused = events.map((event) => {
    const next = foldIncident(state, event);
    state = next.state;
    return next.refused;
  });
  return { state, refused };
}

const spans = ({ incidents }: IncidentsState) =>
  incidents.map(({ incident, from, to }) => [incident, from, to]);

describe("the incidents of a target", () => {
  it("are what was raised, with the end that was told, ascending by their beginning", () => {
    const { state } = folded(raised("b", 5, null), raised("a", 2, 3), cleared("b", 7));
    expect(spans(state)).toEqual([
      ["a", at(2), at(3)],
      ["b", at(5), at(7)],
    ]);
  });

  for (const [what, events, expected] of [
    ["end at the time of the clearing where it names none", [raised("a", 2, null), cleared("a")], at(28)],
    [
      "are withdrawn when cleared before they begin",
      [raised("a", 9, null), cleared("a", undefined, at(8))],
      at(9),
    ],
    ["take a corrected end", [raised("a", 2, null), cleared("a", 5), cleared("a", 4)], at(4)],
    ["open again when raised again", [raised("a", 2, null), cleared("a", 5), raised("a", 2, null)], null],
  ] as const) {
    it(what, () => expect(folded(...events).state.incidents[0]?.to).toBe(expected));
  }

  it("do not change by an event that comes again, by sequence or under its id", () => {
    const open = raised("a", 2, null);
    const close = cleared("a", 5);
    const { state } = folded(open, close);
    expect(foldIncident(state, open)).toEqual({ state });
    const repeated = foldIncident(state, { ...open, sequence: close.sequence + 1 });
    expect(repeated.state).toEqual({ ...state, last_sequence: close.sequence + 1 });
  });

  for (const [what, events, reason] of [
    [
      "the clearing of an incident that was never raised",
      [cleared("ghost", 5)],
      /'ghost' of 'usd' was never raised/,
    ],
    [
      "an end before the beginning",
      [raised("a", 5, null), cleared("a", 4)],
      /to is 2025-03-04.*not before its from/,
    ],
    [
      "a scope that names another target",
      [raised("a", 1, 2, { scope: { forecaster: "eur" } })],
      /scope names 'eur'/,
    ],
  ] as const) {
    it(`refuse ${what}`, () => {
      const { state, refused } = folded(...events);
      expect(refused.at(-1)).toMatch(reason);
      expect(state.last_sequence).toBe(events.at(-1)!.sequence);
    });
  }

  it("are refused by their contract when they end before they begin", () => {
    expect(() => raised("a", 5, 4)).toThrow(/not before from/);
  });
});

describe("the intervals to leave out", () => {
  const { state } = folded(
    raised("a", 2, 4),
    raised("b", 3, 6),
    raised("touching", 6, 7),
    raised("withdrawn", 9, 9),
    raised("open", 20, null),
  );
  const ofForecaster = { scope: { forecaster: "usd-7d" }, from: at(10), to: at(11) };
  const all = [...state.incidents, ofForecaster];

  it("are joined, and belong to the series, and to a forecaster only where it is asked for", () => {
    const series = [
      { fromMs: ms(2), toMs: ms(7) },
      { fromMs: ms(20), toMs: Number.POSITIVE_INFINITY },
    ];
    expect(activeIntervals(all, { series: "usd" })).toEqual(series);
    expect(activeIntervals(all, { series: "usd", forecaster: "usd-7d" })).toEqual([
      series[0],
      { fromMs: ms(10), toMs: ms(11) },
      series[1],
    ]);
    expect(activeIntervals(all, { series: "eur" })).toEqual([]);
  });

  it("are half open: the beginning is in, the end is out", () => {
    const intervals = activeIntervals(all, { series: "usd" });
    expect([1, 2, 6, 7, 19, 20, 28].map((day) => contains(intervals, ms(day)))).toEqual([
      false,
      true,
      true,
      false,
      false,
      true,
      true,
    ]);
    expect([overlaps(intervals, ms(1), ms(2)), overlaps(intervals, ms(1), ms(2) + 1)]).toEqual([false, true]);
    expect([overlaps(intervals, ms(7), ms(20)), overlaps(intervals, ms(25), ms(26))]).toEqual([false, true]);
  });
});
