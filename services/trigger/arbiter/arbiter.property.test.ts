import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Step } from "../../../shared/contracts/subjects.ts";
import { Accepted, Refused } from "../../../shared/contracts/trigger.ts";
import { isOpen } from "../../../shared/schedule/windows.ts";
import { ArbiterState, initialArbiter } from "../state.ts";
import { asked, at, DAY_MS, detector, evaluated, START_MS, specWith, step, tick } from "./arbiter.fixture.ts";
import { decideRequests } from "./arbiter.ts";
import { foldStep } from "./following.ts";
import type { Decision, Verdict } from "./verdict.ts";

const COOL_DOWN_DAYS = 14;
const ROUNDING = 1e-6;

const specs: Record<string, ForecasterSpec> = {
  "the defaults": specWith(),
  "all that timing knows": specWith({
    schedule: [
      { cron: "0 2 * * 0", zone: "America/Santiago" },
      { cron: "0 2 * * *", zone: "America/New_York" },
    ],
    maintenance: [{ days: ["sat", "sun"], from: "22:00", to: "04:00" }],
    quiet: [{ days: ["mon", "tue", "wed"], from: "06:00", to: "18:00", zone: "America/New_York" }],
    weekly_budget: 1,
  }),
};

const KINDS = [
  "request",
  "yes",
  "no",
  "first",
  "tick",
  "tick",
  "ends",
  "searched",
  "rollback",
  "again",
] as const;

const happenings = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    days: fc
      .oneof(fc.integer({ max: 720, min: 0 }), fc.integer({ max: 4_320, min: 0 }))
      .map((each) => each / 1_440),
    count: fc.integer({ min: 1, max: 4 }),
    severity: fc.constantFrom("low" as const, "medium" as const, "high" as const),
    end: fc.constantFrom<Step>("rejected", "failed", "verified", "rolled-back"),
  }),
  { maxLength: 60 },
);
type Happening = typeof happenings extends fc.Arbitrary<(infer T)[]> ? T : never;

interface Told {
  readonly verdict: Verdict;
  readonly day: number;
}

describe.each(Object.entries(specs))(
  "whatever happens, in whatever order, however often, under %s",
  (_, spec) => {
    const holds = (property: (list: readonly Happening[]) => void) =>
      fc.assert(fc.property(happenings, property), { numRuns: 150 });

    it("there is one active run at most, nothing waits beside it, and receipts keep their contract", () => {
      holds((list) => {
        expect(play(list, spec).most).toBeLessThanOrEqual(1);
      });
    });

    it("the same events give the same decisions, and no run is accepted or refused twice", () => {
      holds((list) => {
        const { told } = play(list, spec);
        expect(play(list, spec).told).toEqual(told);
        const ids = told.map(({ verdict }) => `${verdict.step} ${verdict.data.run_id}`);
        expect(new Set(ids).size).toBe(ids.length);
      });
    });

    it("triggered runs keep the cool-down after each other and after what a person decided (A-TRG-6)", () => {
      holds((list) => {
        const { told, decisions } = play(list, spec);
        const days = accepted(told, "trigger").map(({ day }) => day);
        for (const day of days) {
          const before = [...days, ...decisions].filter((each) => each < day);
          expect(day - Math.max(...before)).toBeGreaterThanOrEqual(COOL_DOWN_DAYS - ROUNDING);
        }
      });
    });

    it("quiet windows hold all but people, maintenance windows what is low (C-FLT-1)", () => {
      holds((list) => {
        const { quiet, maintenance } = spec.trigger;
        for (const { verdict, day } of accepted(play(list, spec).told)) {
          const { cause, priority } = verdict.data as Accepted;
          const atMs = START_MS + day * DAY_MS;
          if (cause !== "manual") expect(isOpen(quiet, atMs)).toBe(false);
          if (cause === "trigger" && priority === "low" && maintenance.length > 0)
            expect(isOpen(maintenance, atMs)).toBe(true);
        }
      });
    });

    it("no 7 days have more runs than the budget, people's aside", () => {
      const { weekly_budget } = spec.trigger;
      if (weekly_budget === null) return;
      holds((list) => {
        const days = accepted(play(list, spec).told).flatMap(({ verdict, day }) =>
          verdict.data.cause === "manual" ? [] : [day],
        );
        for (const day of days) {
          const week = days.filter((each) => each > day - 7 + ROUNDING && each <= day);
          expect(week.length).toBeLessThanOrEqual(weekly_budget);
        }
      });
    });

    it("a scheduled time is answered once at most (D-SCH-1)", () => {
      holds((list) => {
        const times = play(list, spec).told.flatMap(({ verdict }) =>
          (verdict.data.schedules ?? []).map(({ cron, at: time }) => `${cron} ${time}`),
        );
        expect(new Set(times).size).toBe(times.length);
      });
    });
  },
);

function accepted(told: readonly Told[], cause?: Accepted["cause"]): Told[] {
  return told.filter(
    ({ verdict }) => verdict.step === "accepted" && (cause === undefined || verdict.data.cause === cause),
  );
}

/** Plays the happenings; `decisions` are the days on which a person took a config back. */
function play(list: readonly Happening[], spec: ForecasterSpec) {
  let state = initialArbiter("a");
  let sequence = 0;
  let day = 0;
  let most = 0;
  let replayed: (() => Decision) | undefined;
  const active = new Set<string>();
  const told: Told[] = [];
  const decisions: number[] = [];
  const take = (decide: () => Decision) => {
    replayed = decide;
    const decision = decide();
    state = ArbiterState.parse(decision.state);
    for (const verdict of decision.events) {
      told.push({ verdict, day });
      (verdict.step === "accepted" ? Accepted : Refused).parse(verdict.data);
      if (verdict.step === "accepted") active.add(verdict.data.run_id);
    }
    most = Math.max(most, active.size);
    if (state.active !== null) expect(state.pending).toBeNull();
  };
  for (const { kind, days, count, severity, end } of list) {
    day += days;
    const from = sequence + 1;
    sequence += count;
    const today = day;
    const [run] = active;
    const detectors = [detector(severity)];
    if (kind === "request") {
      const batch = Array.from({ length: count }, (_, i) => asked(from + i));
      take(() => decideRequests(state, batch, at(today, spec)));
    } else if (kind === "yes") take(() => evaluated(state, from, today, { detectors }, spec));
    else if (kind === "no") take(() => evaluated(state, from, today, { should_optimize: false }, spec));
    else if (kind === "first") take(() => evaluated(state, from, today, { cause: "first-deployment" }, spec));
    else if (kind === "tick") take(() => tick(state, today, spec));
    else if (kind === "again" && replayed !== undefined) {
      const before = state;
      take(replayed);
      expect(state).toEqual(before);
    } else if (kind === "rollback") {
      const own = `01900000-0000-7000-8000-${String(from).padStart(12, "0")}`;
      state = foldStep(state, step("rolled-back", own, sequence, day, { cause: "manual" }));
      decisions.push(day);
      replayed = undefined;
    } else if (run !== undefined) {
      state = foldStep(state, step(kind === "searched" ? "searched" : end, run, sequence, day));
      if (kind !== "searched") active.delete(run);
      replayed = undefined;
    }
  }
  return { most, told, decisions };
}
