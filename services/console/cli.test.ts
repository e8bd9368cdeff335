import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { type CliBench, cliBench } from "./testing/cli-bench.ts";
import { putSpec } from "./testing/publish.ts";
import { spec, timing } from "./testing/samples.ts";

const ID = "eurusd-7d";
let bench: CliBench;
const retune: CliBench["retune"] = (...args) => bench.retune(...args);

beforeAll(async () => {
  bench = await cliBench();
});

afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
});

describe("retune status, history, why, replay on a real server", () => {
  it("lists forecasters with live version, health and what happened last", async () => {
    const { code, terminal } = await retune(["status"]);
    expect(code).toBe(0);
    expect(terminal.text()).toMatch(
      /eurusd-7d +v1 +ok +\w{8} 2025-03-04 00:02 rejected: RMSE improved 0.4 %, needed 5 %/,
    );
    expect(terminal.text()).toMatch(/eurusd-30d +- +unheard +no run yet/);
    const { terminal: json } = await retune(["status", "--json"]);
    expect(json.json()).toMatchObject({
      dead_letters: 0,
      forecasters: [
        { forecaster: ID, live: { version: 1 }, health: { status: "ok" } },
        { forecaster: "eurusd-30d", live: null },
      ],
    });
  });

  it("lists every forecaster when a heartbeat or a score is no JSON", async () => {
    const { bus } = bench.context;
    const id = "eurusd-90d";
    await putSpec(bus, spec(id, { horizon: "90d", entities: "all" }));
    await bus.store(subjects.telemetry("health", id), "oops", "heartbeat");
    await bus.store(subjects.telemetry("score", id), "oops", "score");
    const { code, terminal } = await retune(["status", "--json"]);
    await bus.kv("specs", ForecasterSpec).delete(id);
    expect([code, terminal.stderr]).toEqual([0, []]);
    expect(terminal.json()).toMatchObject({
      forecasters: [
        { forecaster: ID, health: { status: "ok" } },
        { forecaster: "eurusd-30d" },
        { forecaster: id, health: null, fleet: { worst: [] } },
      ],
    });
  });

  it("tells what the trigger says of a forecaster, and that it does not answer", async () => {
    const waits = timing(ID);
    const silent = await retune(["status"]);
    expect(silent.code).toBe(0);
    expect(silent.terminal.text()).toContain("the trigger does not answer");
    const serving = await bench.context.bus.serve({
      name: "trigger",
      description: "answers as the test has it",
      version: "1.0.0",
      endpoints: { "trigger.status": async () => ({ at: "2025-03-04T01:00:00.000Z", forecasters: [waits] }) },
    });
    const { terminal } = await retune(["status"]);
    const { terminal: json } = await retune(["status", "--json"]);
    await serving.stop();
    expect(terminal.text().split("\n").slice(-5)).toEqual([
      "eurusd-7d: a triggered run of medium priority waits since 2025-03-04 and starts 2025-03-04 06:00:00 UTC: performance: RMSE rose 22 %",
      "eurusd-7d: next scheduled run 2025-03-10 05:00:00 UTC (0 6 * * 1, Europe/Berlin)",
      "eurusd-7d: cool-down until 2025-03-05",
      "eurusd-7d: a quiet window is open",
      "eurusd-7d: 2 of 3 automatic runs left in 7 days",
    ]);
    expect(json.json()).toMatchObject({
      forecasters: [
        { forecaster: ID, timing: waits },
        { forecaster: "eurusd-30d", timing: null },
      ],
    });
  });

  it("lists runs with the figures of A-HIS-1", async () => {
    const { code, terminal } = await retune(["history"]);
    expect(code).toBe(0);
    expect(terminal.text()).toContain("Runs: 2, of them 0 not over. Outcomes: 1 verified, 1 rejected.");
    expect(terminal.text()).toContain(
      "Validation: 50 % of 2 approved. Deployment: 100 % of 1 kept. Roll-backs: 0.",
    );
    const { terminal: json } = await retune(["history", "--json", "--forecaster", ID, "--limit", "1"]);
    expect(json.json()).toMatchObject({
      metrics: { runs: 2, deployments: 1 },
      runs: [{ run_id: bench.second.run, state: "rejected", rmse_before: 0.0085, rmse_after: 0.0079 }],
    });
  });

  it("explains a run by its id, the beginning or the end of it", async () => {
    for (const asked of [
      bench.second.run,
      bench.second.run.toUpperCase(),
      bench.second.run.slice(0, 20),
      bench.second.run.slice(-8),
    ]) {
      const { code, terminal } = await retune(["why", asked]);
      expect(code).toBe(0);
      expect(terminal.stdout[0]).toBe("eurusd-7d: rejected: RMSE improved 0.4 %, needed 5 %.");
      expect(terminal.text()).toContain("rmse recent 0.0105, rmse baseline 0.008 against threshold 0.15.");
      expect(terminal.text()).toContain("FAIL improvement: RMSE improved 0.4 %, needed 5 %");
    }
  });

  it("exits 1 for an unknown run and lists the nearest", async () => {
    const { code, terminal } = await retune(["why", `${bench.second.run.slice(0, 34)}zz`]);
    expect(code).toBe(1);
    expect(terminal.stderr.join("\n")).toContain(`Near it:\n  ${bench.second.run}`);
    expect(terminal.stdout).toEqual([]);
  });

  it("fits a narrow terminal", async () => {
    for (const args of [["why", bench.second.run], ["history"], ["status"], ["replay"]]) {
      const { terminal } = await retune(args, { columns: 48 });
      const longest = terminal
        .text()
        .split("\n")
        .toSorted((a, b) => b.length - a.length)[0]!;
      expect(longest.length, longest).toBeLessThanOrEqual(48);
    }
  });

  it("replays every decision in order and finds no gap", async () => {
    const { code, terminal } = await retune(["replay", "--json"]);
    expect(code).toBe(0);
    const lines = terminal.stdout.map((line) => JSON.parse(line));
    expect(lines.slice(0, 9).map((line) => line.sequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(lines.map((line) => line.kind).slice(0, 9)).toEqual([
      "accepted",
      "searched",
      "approved",
      "deployed",
      "verified",
      "evaluated",
      "accepted",
      "searched",
      "rejected",
    ]);
    const { terminal: other } = await retune(["replay", "--forecaster", "eurusd-30d"]);
    expect(other.stdout).toEqual([]);
    expect(other.stderr).toEqual(["0 decision events of eurusd-30d, sequences without a gap"]);
    const { terminal: later } = await retune(["replay", "--since", "2100-01-01"]);
    expect(later.stdout).toEqual([]);
  });

  it("colours only where it may", async () => {
    const { terminal: plain } = await retune(["why", bench.second.run]);
    const { terminal: coloured } = await retune(["why", bench.first.run], { colour: true });
    expect(plain.text()).not.toContain("\u001b[");
    expect(coloured.text()).toContain("\u001b[");
  });
});

describe("the command line", () => {
  it.each([
    [["--help"], 0],
    [["--version"], 0],
    [["frobnicate"], 2],
    [["why"], 2],
    [["history", "--limit", "none"], 2],
    [["request", "a", "--timeout", "soon"], 2],
    [["up", "--port", "70000"], 2],
    [["status", "--server", "nats://127.0.0.1:1"], 1],
    [["status", "--context", "no-such-context"], 1],
    [["replay", "--since", "banana"], 1],
  ])("%j exits %i", async (args, code) => {
    const { code: found, terminal } = await retune(args);
    expect(found).toBe(code);
    if (code > 0) expect(terminal.stderr.join("\n").length).toBeGreaterThan(10);
  });

  it("takes the flags of the nats CLI before the environment", async () => {
    const { code } = await retune(["status", "--server", bench.nats.url], {
      env: { NATS_URL: "nats://127.0.0.1:1" },
    });
    expect(code).toBe(0);
  });

  it("ends quietly as a process when its reader goes away", async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), "replay"], {
      env: { ...process.env, NATS_URL: bench.nats.url },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.destroy();
    let complaints = "";
    child.stderr.on("data", (chunk) => {
      complaints += chunk;
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(code).toBe(0);
    expect(complaints).not.toContain("EPIPE");
  });
});
