import { LiveConfig } from "../../../shared/contracts/live-config.ts";
import { subjects } from "../../../shared/contracts/subjects.ts";
import { type TestContext, testContext } from "../../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../../test/support/nats.ts";
import { runCli } from "../cli.ts";
import { publishHealth, publishRun, putSpec } from "./publish.ts";
import { detector, evaluatedEvent, liveConfig, RunScript, START_MS, spec } from "./samples.ts";
import { type RecordedTerminal, recordedTerminal } from "./terminal.ts";

/** A server on which two forecasters are known, one run was verified and a second one rejected. */
export interface CliBench extends AsyncDisposable {
  readonly nats: TestNats;
  readonly context: TestContext;
  readonly first: RunScript;
  readonly second: RunScript;
  retune(
    args: string[],
    over?: Parameters<typeof recordedTerminal>[0],
  ): Promise<{ code: number; terminal: RecordedTerminal }>;
}

export async function cliBench(): Promise<CliBench> {
  const id = "eurusd-7d";
  const nats = await startTestNats();
  const context = await testContext(nats);
  const { bus } = context;
  await putSpec(bus, spec(id));
  await putSpec(bus, spec("eurusd-30d", { horizon: "30d" }));
  const first = new RunScript(id, "first")
    .accepted({ cause: "first-deployment", reasons: [] })
    .searched()
    .verdict("approved")
    .deployed(1)
    .verified(1);
  await publishRun(bus, first);
  await bus.kv("live-configs", LiveConfig).put(id, liveConfig(id, 1, first.run));
  const evaluated = await bus.publishEvent(subjects.evaluated(id), evaluatedEvent(id, [detector()]));
  const second = new RunScript(id, "second", START_MS + 86_400_000)
    .accepted({}, [evaluated])
    .searched()
    .verdict("rejected");
  await publishRun(bus, second);
  await publishHealth(bus, id);
  return {
    nats,
    context,
    first,
    second,
    async retune(args, over = {}) {
      const terminal = recordedTerminal({ ...over, env: { NATS_URL: nats.url, ...over.env } });
      return { code: await runCli(args, terminal), terminal };
    },
    async [Symbol.asyncDispose]() {
      await context[Symbol.asyncDispose]();
      await nats.stop();
    },
  };
}
