import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { subjects } from "../../../shared/contracts/subjects.ts";
import type { Refused } from "../../../shared/contracts/trigger.ts";
import { startTestNats } from "../../../test/support/nats.ts";
import { runCli } from "../cli.ts";
import { type CliBench, cliBench } from "../testing/cli-bench.ts";
import { publishRun } from "../testing/publish.ts";
import { until } from "../testing/running.ts";
import { RunScript, START_MS } from "../testing/samples.ts";
import { recordedTerminal } from "../testing/terminal.ts";

const ID = "eurusd-7d";
let bench: CliBench;
const retune: CliBench["retune"] = (...args) => bench.retune(...args);

beforeAll(async () => {
  bench = await cliBench();
});

afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
});

describe("retune request, watch, rollback, approve", () => {
  it("asks for a run, follows the one that names the request, and exits 0 for an honest verdict", async () => {
    const { bus } = bench.context;
    const answering = await bus.follow(
      "DECISIONS",
      { filter: "retrain.request", fromSequence: (await bus.streamState("DECISIONS")).lastSequence + 1 },
      async (message) => {
        const { forecaster, reason, requested_by } = message.json() as Record<string, string>;
        const script = new RunScript(forecaster!, `asked ${message.sequence}`).accepted(
          { cause: "manual", requested_by, reasons: [reason!] },
          [message.sequence],
        );
        await publishRun(bus, new RunScript(forecaster!, "somebody else's").refused());
        await publishRun(bus, script.searched().verdict("rejected"));
      },
    );
    const { code, terminal } = await retune(["request", ID, "--reason", "new data", "--wait"]);
    await answering.stop();
    expect(code).toBe(0);
    expect(terminal.stdout[0]).toContain("accepted because ana asked: new data");
    expect(terminal.stdout[2]).toContain("rejected: RMSE improved 0.4 %, needed 5 %");
    expect(terminal.text()).not.toContain("refused");
  });

  it("follows the run that is on where the request is refused for it, and exits 1 for a failure", async () => {
    const { bus } = bench.context;
    const on = new RunScript(ID, "is on").accepted();
    await publishRun(bus, on);
    const from = (await bus.streamState("DECISIONS")).lastSequence + 1;
    const answering = await bus.follow(
      "DECISIONS",
      { filter: "retrain.request", fromSequence: from },
      async ({ sequence }) => {
        const refused = {
          cause: "manual",
          reason: "run-active",
          message: "a run is on",
          active_run: on.run,
          caused_by: [sequence],
        } satisfies Partial<Refused>;
        await publishRun(bus, new RunScript(ID, `refused ${sequence}`).refused(refused));
        await publishRun(bus, new RunScript(ID, "is on").accepted().failed());
      },
    );
    const { code, terminal } = await retune(["request", ID, "--wait", "--json"]);
    await answering.stop();
    expect(code).toBe(1);
    expect(terminal.json()).toMatchObject({
      run_id: on.run,
      state: "failed",
      steps: [{ step: "refused" }, { step: "failed" }],
    });
  });

  it("says when nobody answers", async () => {
    const { code, terminal } = await retune(["request", ID, "--wait", "--timeout", "50ms"]);
    expect(code).toBe(1);
    expect(terminal.stderr.join()).toContain("nobody answered the request: is a trigger service running?");
  });

  it("refuses an unknown forecaster before asking, and lists the known", async () => {
    const { lastSequence } = await bench.context.bus.streamState("DECISIONS");
    const { code, terminal } = await retune(["request", "eurusd-8d"]);
    expect(code).toBe(1);
    expect(terminal.stderr).toEqual([
      "retune: no forecaster is called 'eurusd-8d'; known: eurusd-30d and eurusd-7d",
    ]);
    expect((await bench.context.bus.streamState("DECISIONS")).lastSequence).toBe(lastSequence);
  });

  it.each([
    ["plain lines", false],
    ["a bar that is rewritten", true],
  ])("watches decisions and searches: %s", async (_, interactive) => {
    const terminal = recordedTerminal({ env: { NATS_URL: bench.nats.url }, interactive, columns: 100 });
    const watching = runCli(["watch"], terminal);
    await until(
      async () => terminal.stderr.length,
      (lines) => lines > 0,
    );
    const script = new RunScript("eurusd-30d", `watched ${interactive}`).accepted();
    await publishRun(bench.context.bus, script);
    const progress = {
      run_id: script.run,
      forecaster: "eurusd-30d",
      phase: "search",
      total: 27,
      best_rmse: 0.008,
      time: new Date(START_MS).toISOString(),
    };
    await until(
      async () => {
        bench.context.bus.publishCore(subjects.progress("eurusd-30d", script.run), { ...progress, done: 9 });
        return terminal.text();
      },
      (text) => text.includes("9/27"),
    );
    await until(
      async () => terminal.text(),
      (text) => text.includes("eurusd-30d: accepted"),
    );
    terminal.end();
    expect(await watching).toBe(0);
    expect(terminal.text()).toContain("eurusd-30d  ━━━━━━━━──────────────── 9/27  best RMSE 0.008");
    expect(terminal.text().includes("\u001b[1A")).toBe(interactive);
  });

  it("rolls back and approves through the deployer's endpoints, naming who asked", async () => {
    const held = new RunScript(ID, "held").accepted().searched().verdict("held");
    await publishRun(bench.context.bus, held);
    const asked: unknown[] = [];
    const serving = await bench.context.bus.serve({
      name: "deployer",
      description: "test",
      version: "0.1.0",
      endpoints: {
        "deployer.rollback": async (payload) => {
          asked.push(payload);
          return new RunScript(ID, "back").rolledBack(2, {
            cause: "manual",
            requested_by: "ana",
            reasons: ["odd"],
          }).events[0]!.event.data;
        },
        "deployer.approve": async (payload) => {
          asked.push(payload);
          return { run_id: held.run, forecaster: ID, step: "approved", sequence: 1 };
        },
      },
    });
    const back = await retune(["rollback", ID, "--reason", "odd"]);
    const yes = await retune(["approve", held.run.slice(-8), "--note", "fine"]);
    await serving.stop();
    expect([back.code, yes.code]).toEqual([0, 0]);
    expect(back.terminal.text()).toBe("eurusd-7d: Rolled back by ana from version 2 to version 3: odd.");
    expect(yes.terminal.text()).toBe(`eurusd-7d: run ${held.run} is approved by ana.`);
    expect(asked).toEqual([
      { forecaster: ID, requested_by: "ana", reason: "odd" },
      { run: held.run, approve: true, by: "ana", note: "fine" },
    ]);
    const no = await retune(["approve", bench.second.run]);
    expect(no.code).toBe(1);
    expect(no.terminal.stderr.join()).toContain("is rejected, only a held run waits for a person");
  });
});

describe("retune provision", () => {
  it("creates the topology, applies the specs once, and names a mistake before changing anything", async () => {
    await using own = await startTestNats();
    const configs = await mkdtemp(join(tmpdir(), "retune-cli-"));
    const env = { NATS_URL: own.url, RETUNE_CONFIGS: configs };
    await mkdir(join(configs, "forecasters"));
    const file = join(configs, "forecasters", "usdclp-7d.yaml");
    await writeFile(file, "forecaster: usdclp-7d\nseries: usdclp\nhorizon: 7 days\n");
    const wrong = await retune(["provision"], { env });
    expect(wrong.code).toBe(1);
    expect(wrong.terminal.stderr.join()).toContain(file);
    expect((await retune(["provision", "--compare"], { env })).code).toBe(1);

    await writeFile(file, "forecaster: usdclp-7d\nseries: usdclp\nhorizon: 7d\n");
    const series = join(configs, "series", "usdclp.yaml");
    await mkdir(join(configs, "series"));
    await writeFile(series, "series: usdclp\nevery: daily\n");
    const badSeries = await retune(["provision"], { env });
    expect([badSeries.code, badSeries.terminal.stderr.join()]).toEqual([
      1,
      expect.stringContaining(`${series}:2`),
    ]);
    await writeFile(series, "series: usdclp\nevery: 1d\n");
    const done = await retune(["provision"], { env });
    expect(done.code).toBe(0);
    expect(done.terminal.text()).toContain("created TELEMETRY, DECISIONS");
    expect(done.terminal.text()).toContain("applied usdclp-7d");
    const again = await retune(["provision", "--json"], { env });
    expect(again.terminal.json()).toMatchObject({ specs: ["usdclp-7d"], written: [] });
    await rm(configs, { recursive: true });
  });
});
