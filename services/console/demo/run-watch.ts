import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../../../shared/bus/bus.ts";
import type { CloudEvent, StepData } from "../../../shared/contracts/envelope.ts";
import { foldRun, type RunSummary } from "../../../shared/contracts/run.ts";
import { parseStepSubject } from "../../../shared/contracts/subjects.ts";

/** The runs that have not ended, as the stream tells of them. */
export class RunWatch {
  private readonly open = new Map<string, RunSummary>();
  private readonly ended = new Map<string, RunSummary>();
  private close: () => Promise<void> = async () => {};

  static async open(bus: Bus): Promise<RunWatch> {
    const watch = new RunWatch();
    const following = await bus.follow("DECISIONS", { filter: "retrain.>" }, (message) => {
      const parts = parseStepSubject(message.subject);
      if (parts === undefined) return;
      const known = watch.open.get(parts.run);
      const event = message.json() as CloudEvent<StepData>;
      const run = foldRun(known, { subject: message.subject, sequence: message.sequence, event });
      if (run === undefined) return;
      if (run.terminal) {
        watch.open.delete(parts.run);
        watch.ended.set(parts.run, run);
      } else watch.open.set(parts.run, run);
    });
    watch.close = () => following.stop();
    return watch;
  }

  find(run: string): RunSummary | undefined {
    return this.open.get(run) ?? this.ended.get(run);
  }

  /** The open run of a forecaster that a person asked for with exactly this reason. */
  requested(forecaster: string, reason: string): RunSummary | undefined {
    return [...this.open.values()].find(
      (run) =>
        run.forecaster === forecaster && run.steps.some(({ data }) => JSON.stringify(data).includes(reason)),
    );
  }

  busy(forecaster: string): boolean {
    return [...this.open.values()].some((run) => run.forecaster === forecaster);
  }

  /** Whether any deployment is being watched. */
  watching(): boolean {
    return [...this.open.values()].some((run) => run.state === "deployed");
  }

  /** Waits while a run is searched, proved or deployed; a watch takes days and is not waited for. */
  async settled(patienceMs: number, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + patienceMs;
    // A new observation needs a moment to become an evaluation, and that a run.
    while (!signal.aborted && performance.now() < deadline) {
      if (![...this.open.values()].some((run) => run.state !== "deployed" && run.state !== "held")) return;
      await sleep(25);
    }
  }

  stop(): Promise<void> {
    return this.close();
  }
}
