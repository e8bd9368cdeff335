import { describe, expect, it } from "vitest";
import { decideLetters, groupOf, type LettersEvent } from "./decide-letters.ts";
import { initialLetters } from "./state.ts";

const HOUR_MS = 3_600_000;
const START = Date.parse("2025-01-13T02:00:00Z");
const at = (minute: number) => new Date(START + minute * 60_000).toISOString();

/** A dead letter of a minute, with the minute as its sequence unless another is given, or a tick. */
type Told = number | { letter: number; minute: number } | { tick: number };

function event(told: Told): LettersEvent {
  if (typeof told === "object" && "tick" in told) return { kind: "tick", at: at(told.tick) };
  const { letter, minute } = typeof told === "number" ? { letter: told, minute: told } : told;
  return { kind: "letter", sequence: letter, at: at(minute), message: `broken ${letter}` };
}

function tell(story: readonly Told[]): string[] {
  let state = initialLetters("g");
  return story.flatMap((told) => {
    const decision = decideLetters(state, event(told), HOUR_MS);
    state = decision.state;
    return decision.alerts.map(({ message }) => message);
  });
}

const more = (count: number, since: number, last: number) =>
  `${count} more since ${at(since)}, the latest: broken ${last}`;

describe("dead letters of one group (A-ALR-1)", () => {
  it.each<[string, Told[], string[]]>([
    ["the first is told at once", [0], ["broken 0"]],
    ["further ones within the hour are only counted", [0, 1, 2, { tick: 59 }], ["broken 0"]],
    [
      "and told as one alert when it is over, once",
      [0, 1, 2, { tick: 60 }, { tick: 61 }],
      ["broken 0", more(2, 0, 2)],
    ],
    [
      "a flood is one alert an hour",
      [0, 1, 2, { tick: 60 }, 70, 80, { tick: 120 }],
      ["broken 0", more(2, 0, 2), more(2, 60, 80)],
    ],
    ["after a quiet hour the next is told at once", [0, { tick: 60 }, 61], ["broken 0", "broken 61"]],
    ["also where nobody looked in between", [0, 1, 200], ["broken 0", more(1, 0, 1), "broken 200"]],
    [
      "a redelivered one counts once",
      [0, 1, { letter: 1, minute: 1 }, { letter: 0, minute: 0 }, { tick: 60 }],
      ["broken 0", more(1, 0, 1)],
    ],
    ["nothing told, nothing to tell", [{ tick: 60 }], []],
  ])("%s", (_, story, expected) => {
    expect(tell(story)).toEqual(expected);
  });
});

describe("a group", () => {
  const of = (durable: string, subject: string) => groupOf({ stream: "DECISIONS", durable, subject });

  it("is stream, consumer and kind of subject, not forecaster or run", () => {
    expect(of("deployer-approved", "retrain.approved.a.r1")).toBe(
      of("deployer-approved", "retrain.approved.b.r2"),
    );
    const groups = [
      of("deployer-approved", "retrain.approved.a.r1"),
      of("deployer-trialled", "retrain.approved.a.r1"),
      of("deployer-approved", "retrain.failed.a.r1"),
    ];
    expect(new Set(groups).size).toBe(3);
    expect(groups[0]).toBe("DECISIONS-deployer-approved-retrain-approved");
  });

  it("has a name that fits in a subject, whatever a subject looks like", () => {
    expect(of("x", "retrain.a b\u00e9>".padEnd(99, "y"))).toMatch(/^[A-Za-z0-9_-]{64}$/);
  });
});
