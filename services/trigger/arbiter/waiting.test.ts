import { describe, expect, it } from "vitest";
import { ArbiterState, initialArbiter } from "../state.ts";
import { detector, ended, evaluated, person, START_MS, specWith, step, tick } from "./arbiter.fixture.ts";
import { foldStep, rebuildStep } from "./following.ts";
import { statusOf } from "./status.ts";

// The start is a Wednesday 00:00 UTC; the window opens four days later.
const sundays = specWith({ maintenance: [{ days: ["sun"], from: "00:00", to: "06:00" }] });
const low = { detectors: [detector("low")] };
const medium = { detectors: [detector("medium")] };

describe("an evaluation of low severity (C-FLT-1)", () => {
  const asked = evaluated(initialArbiter("a"), 1, 0.5, low, sundays);

  it("waits for the maintenance window, without an event", () => {
    expect(asked.events).toEqual([]);
    expect(ArbiterState.parse(asked.state).pending).toMatchObject({
      cause: "trigger",
      priority: "low",
      caused_by: [1],
    });
    expect(tick(asked.state, 3.9, sundays)).toEqual({ state: asked.state, events: [] });
    const status = statusOf(asked.state, sundays, START_MS);
    expect(status.pending?.starts_at).toBe("2025-01-05T00:00:00.000Z");
  });

  it("starts when it opens, and says since when it waited", () => {
    const started = tick(asked.state, 4, sundays);
    expect(started.events).toMatchObject([
      {
        step: "accepted",
        data: {
          priority: "low",
          window: "maintenance",
          waited_since: "2025-01-01T12:00:00.000Z",
          caused_by: [1],
        },
      },
    ]);
    expect(started.state).toMatchObject({ pending: null, active: { run: started.events[0]!.data.run_id } });
  });

  it("takes newer evaluations in: one run answers all, as urgent as the worst of them", () => {
    const more = evaluated(asked.state, 2, 1, { ...medium, reasons: ["worse"] }, sundays);
    expect(more.events).toEqual([]);
    expect(more.state.pending).toMatchObject({
      priority: "medium",
      coalesced: 1,
      caused_by: [1, 2],
      since: "2025-01-01T12:00:00.000Z",
    });
    // Medium runs 24 h after it was first asked for.
    expect(tick(more.state, 1.49, sundays).events).toEqual([]);
    expect(tick(more.state, 1.5, sundays).events).toMatchObject([
      { step: "accepted", data: { coalesced: 1, reasons: ["it is bad", "worse"], window: "deadline" } },
    ]);
    const worst = evaluated(more.state, 3, 1.2, { detectors: [detector("high")] }, sundays);
    expect(worst.events).toMatchObject([{ step: "accepted", data: { priority: "high", coalesced: 2 } }]);
  });

  it("is dropped with a receipt when a later evaluation finds nothing", () => {
    const fine = evaluated(asked.state, 2, 1, { should_optimize: false }, sundays);
    expect(fine.events).toMatchObject([{ step: "refused", data: { reason: "recovered", caused_by: [1] } }]);
    expect(fine.state.pending).toBeNull();
    expect(tick(fine.state, 4, sundays).events).toEqual([]);
  });

  it("is not dropped by an older evaluation that comes late, nor by one that comes again", () => {
    const more = evaluated(asked.state, 5, 1, low, sundays);
    expect(evaluated(more.state, 3, 0.9, { should_optimize: false }, sundays)).toEqual({
      state: more.state,
      events: [],
    });
    expect(evaluated(more.state, 5, 1, low, sundays)).toEqual({ state: more.state, events: [] });
  });

  it.each([
    ["disabled", { ...sundays, enabled: false }],
    ["quiet", specWith({ ...sundays.trigger, quiet: [{ from: "00:00", to: "24:00" }] })],
  ])("is refused as %s when the spec has changed that way by then", (reason, changed) => {
    const { state, events } = tick(asked.state, 4, changed);
    expect(events).toMatchObject([
      { step: "refused", data: { reason, waited_since: "2025-01-01T12:00:00.000Z" } },
    ]);
    expect(state.pending).toBeNull();
  });

  it("starts at once when the spec no longer has windows", () => {
    expect(tick(asked.state, 1, specWith()).events).toMatchObject([{ step: "accepted" }]);
  });

  it("has the same run whichever process decides, and however often", () => {
    const [one] = tick(asked.state, 4, sundays).events;
    const [other] = tick(asked.state, 4.01, sundays).events;
    expect(other!.data.run_id).toBe(one!.data.run_id);
  });
});

describe("a scheduled run (A-TRG-6, D-SCH-1)", () => {
  const nightly = specWith({ schedule: [{ cron: "0 2 * * *", zone: "UTC" }] });
  const seen = tick(initialArbiter("a"), 0, nightly).state;

  it("starts at its time, under an id that derives from it", () => {
    const first = tick(seen, 2 / 24, nightly);
    expect(first.events).toMatchObject([
      {
        step: "accepted",
        data: {
          cause: "schedule",
          schedules: [{ cron: "0 2 * * *", zone: "UTC", at: "2025-01-01T02:00:00.000Z" }],
        },
      },
    ]);
    expect(tick(seen, 3 / 24, nightly).events[0]!.data.run_id).toBe(first.events[0]!.data.run_id);
    expect(tick(ended(first), 2 / 24, nightly).events).toEqual([]);
  });

  it("is caught up once after ten nights without anybody", () => {
    const late = tick(seen, 10.5, nightly);
    expect(late.events).toMatchObject([{ data: { schedules: [{ at: "2025-01-11T02:00:00.000Z" }] } }]);
    expect(tick(ended(late), 10.6, nightly).events).toEqual([]);
    expect(tick(ended(late), 11.1, nightly).events).toHaveLength(1);
  });

  it("is refused once, with a receipt, while a run is on", () => {
    const busy = person(seen, 1, 0.01, nightly);
    const refused = tick(busy.state, 2 / 24, nightly);
    expect(refused.events).toMatchObject([
      {
        step: "refused",
        data: { cause: "schedule", reason: "run-active", active_run: busy.events[0]!.data.run_id },
      },
    ]);
    expect(tick(refused.state, 3 / 24, nightly).events).toEqual([]);
  });

  it("passes the cool-down and starts none: the wish of a person stands", () => {
    const triggered = ended(evaluated(seen, 1, 0, {}, nightly));
    const scheduled = tick(triggered, 2 / 24, nightly);
    expect(scheduled.events).toMatchObject([{ step: "accepted", data: { cause: "schedule" } }]);
    expect(scheduled.state.last_triggered_at).toBe(triggered.last_triggered_at);
    expect(evaluated(ended(scheduled), 2, 14, {}, nightly).events).toMatchObject([{ step: "accepted" }]);
  });

  it("waits for the end of a quiet window", () => {
    const quiet = specWith({ ...nightly.trigger, quiet: [{ from: "01:00", to: "05:00" }] });
    const held = tick(tick(initialArbiter("a"), 0, quiet).state, 2 / 24, quiet);
    expect(held.events).toEqual([]);
    expect(held.state.pending).toMatchObject({ cause: "schedule" });
    const fine = evaluated(held.state, 1, 3 / 24, { should_optimize: false }, quiet);
    expect(fine).toEqual({ state: held.state, events: [] });
    expect(tick(held.state, 5 / 24, quiet).events).toMatchObject([
      {
        step: "accepted",
        data: { cause: "schedule", window: "quiet-over", waited_since: "2025-01-01T02:00:00.000Z" },
      },
    ]);
  });

  it("answers what waits for a window, too", () => {
    const spec = specWith({ ...nightly.trigger, maintenance: sundays.trigger.maintenance });
    const waiting = evaluated(tick(initialArbiter("a"), 0, spec).state, 7, 0.05, low, spec).state;
    expect(tick(waiting, 2 / 24, spec).events).toMatchObject([
      {
        step: "accepted",
        data: {
          cause: "schedule",
          caused_by: [7],
          coalesced: 1,
          reasons: [expect.anything(), expect.stringContaining("schedule")],
        },
      },
    ]);
  });

  it("is not started again by a state that was lost", () => {
    const first = tick(seen, 2 / 24, nightly);
    const { run_id } = first.events[0]!.data;
    const history = [
      step("accepted", run_id, 1, 2 / 24, first.events[0]!.data),
      step("rejected", run_id, 2, 3 / 24),
    ];
    const rebuilt = history.reduce(rebuildStep, initialArbiter("a"));
    expect(rebuilt.schedules).toEqual(first.state.schedules);
    expect(tick(rebuilt, 4 / 24, nightly).events).toEqual([]);
  });

  it("of a disabled forecaster passes by, and is not made up for", () => {
    const off = { ...nightly, enabled: false };
    const passed = tick(seen, 0.5, off);
    expect(passed.events).toEqual([]);
    expect(tick(passed.state, 0.6, nightly).events).toEqual([]);
  });
});

describe("a weekly budget", () => {
  const frugal = specWith({ cooldown: "1h", weekly_budget: 2 });

  it("refuses the run that would be one too many, once, and lets the next in when the oldest is a week old", () => {
    let state = initialArbiter("a");
    const told: string[] = [];
    for (const [i, days] of [0, 1, 2, 3, 6.9, 7].entries()) {
      const decision = evaluated(state, i + 1, days, {}, frugal);
      told.push(
        decision.events.map((each) => (each.step === "refused" ? each.data.reason : each.step)).join() || "-",
      );
      state = decision.state.active === null ? decision.state : ended(decision);
    }
    expect(told).toEqual(["accepted", "accepted", "budget", "-", "-", "accepted"]);
  });

  it("holds schedules, does not hold people, and does not count their runs", () => {
    const spec = specWith({ weekly_budget: 1, schedule: [{ cron: "0 2 * * *", zone: "UTC" }] });
    const seen = tick(initialArbiter("a"), 0, spec).state;
    const asked = ended(person(seen, 1, 0.01, spec));
    const first = tick(asked, 0.1, spec);
    expect(first.events).toMatchObject([{ step: "accepted", data: { cause: "schedule" } }]);
    const second = tick(ended(first), 1.1, spec);
    expect(second.events).toMatchObject([{ step: "refused", data: { cause: "schedule", reason: "budget" } }]);
    expect(statusOf(second.state, spec, START_MS).budget).toEqual({ runs: 1, used: 1, left: 0 });
    expect(person(second.state, 2, 1.2, spec).events).toMatchObject([{ step: "accepted" }]);
  });
});

describe("a person's decision is not overruled", () => {
  it("a run that a person asks for takes the place of what waits", () => {
    const waiting = evaluated(initialArbiter("a"), 1, 0.5, low, sundays).state;
    const { state, events } = person(waiting, 2, 1, sundays);
    expect(events).toMatchObject([
      { step: "accepted", data: { cause: "manual" } },
      {
        step: "refused",
        data: {
          cause: "trigger",
          reason: "superseded-by-person",
          caused_by: [1],
          active_run: events[0]!.data.run_id,
        },
      },
    ]);
    expect(state.pending).toBeNull();
  });

  it.each([
    ["a rollback that a person asked for", "rolled-back", { cause: "manual" }, "cool-down"],
    ["a rollback by the watch", "rolled-back", { cause: "watch" }, "accepted"],
    [
      "a person's approval",
      "approved",
      { evidence: { code_version: "test", decided_by: "ana" } },
      "cool-down",
    ],
    [
      "a person's rejection",
      "rejected",
      { evidence: { code_version: "test", decided_by: "ana" } },
      "cool-down",
    ],
    ["the validator's rejection", "rejected", {}, "accepted"],
  ] as const)("%s is followed by: %s", (_, name, data, expected) => {
    const state = foldStep(
      initialArbiter("a"),
      step(name, "01900000-0000-7000-8000-000000000009", 5, 1, data),
    );
    const answers = [1.1, 14.9, 15].map((days, i) => {
      const [event] = evaluated(state, 10 + i, days).events;
      return event?.step === "refused" ? event.data.reason : event?.step;
    });
    expect(answers).toEqual([expected, expected, "accepted"]);
    expect(person(state, 20, 1.1).events).toMatchObject([{ step: "accepted" }]);
  });

  it("what waited when a person took the config back is dropped, not started", () => {
    const waiting = evaluated(initialArbiter("a"), 1, 0.5, low, sundays).state;
    const back = foldStep(
      waiting,
      step("rolled-back", "01900000-0000-7000-8000-000000000009", 5, 1, { cause: "manual" }),
    );
    expect(tick(back, 4, sundays).events).toMatchObject([
      { step: "refused", data: { reason: "superseded-by-person" } },
    ]);
  });

  it("a first deployment that a person took back is not made again before the cool-down has passed", () => {
    const first = { cause: "first-deployment" as const };
    const back = foldStep(
      ended(evaluated(initialArbiter("a"), 1, 0, first)),
      step("rolled-back", "01900000-0000-7000-8000-000000000009", 5, 1, { cause: "manual" }),
    );
    expect(evaluated(back, 6, 2, first).events).toMatchObject([
      { step: "refused", data: { reason: "cool-down" } },
    ]);
    expect(evaluated(back, 6, 15, first).events).toMatchObject([{ step: "accepted" }]);
  });
});

describe("what runs took", () => {
  it("is kept of the last 20: machine time to the end, and of the search alone", () => {
    let state = initialArbiter("a");
    for (let i = 0; i < 25; i += 1) {
      const decision = person(state, i + 1, i);
      const { run_id } = decision.events[0]!.data;
      state = foldStep(
        decision.state,
        step("searched", run_id, 100 + i, i, { optimization_time_seconds: 30 + i }),
      );
      state = foldStep(state, step(i === 24 ? "failed" : "verified", run_id, 200 + i, i + 0.25));
    }
    expect(state.ended).toHaveLength(20);
    expect(state.ended.at(-1)).toMatchObject({ end: "failed", seconds: 21_600, search_seconds: 54 });
  });
});

describe("a state of an older version", () => {
  it("is read, with what it does not know yet", () => {
    const { state } = person(initialArbiter("a"), 1, 0);
    const old = {
      forecaster: "a",
      active: {
        run: state.active!.run,
        step: "accepted",
        step_sequence: 2,
        step_stored_at: 5,
        first_deployment: false,
      },
      last_triggered_at: null,
      last_first_at: null,
      last_optimized_at: null,
      refused_for: null,
      outbox: [],
    };
    const read = ArbiterState.parse(old);
    expect(read).toEqual({
      ...initialArbiter("a"),
      active: { ...old.active, action: "search", escalates_to: null },
    });
    expect(foldStep(read, step("verified", old.active.run, 9)).ended).toEqual([]);
  });
});
