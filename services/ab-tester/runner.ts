import { z } from "zod";
import type { Message } from "../../shared/bus/message.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { Score } from "../../shared/contracts/telemetry.ts";
import { StaleStateError } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { decide, type TestEvent, type Verdict, verdictOf } from "./decide.ts";
import type { TestState } from "./state.ts";
import type { Tests } from "./tests.ts";

/** Real time between saves of a tally that changes. */
const SAVE_MS = 500;
const Scores = z.union([z.array(Score), Score.transform((score) => [score])]);

/**
 * One running test: follows the scores from where its state says, and ends it when the decision says so. The state
 * holds the position in the stream along with the sums, so that each score counts once through restarts and beside
 * other ab-testers.
 */
export class Runner {
  private readonly context: ServiceContext;
  private readonly tests: Tests;
  private readonly onEnd: () => void;
  private state: TestState;
  private revision: number;
  private saved: TestState;
  private queue: Promise<void> = Promise.resolve();
  private readonly follower: Promise<{ stop(): Promise<void> }>;
  private readonly saver: NodeJS.Timeout;
  private readonly checker: NodeJS.Timeout;
  private ended = false;

  constructor(
    context: ServiceContext,
    tests: Tests,
    entry: { value: TestState; revision: number },
    checkMs: number,
    onEnd: () => void,
  ) {
    this.context = context;
    this.tests = tests;
    this.onEnd = onEnd;
    this.state = entry.value;
    this.saved = entry.value;
    this.revision = entry.revision;
    const filter = subjects.telemetry("score", this.state.forecaster);
    const fromSequence = this.state.tally.sequence + 1;
    this.follower = context.bus.follow("TELEMETRY", { filter, fromSequence }, (message) =>
      this.scored(message),
    );
    this.follower.catch((err: unknown) => {
      context.log.error({ err, test: this.state.test }, "scores cannot be followed");
      this.end();
    });
    this.saver = setInterval(() => void this.inTurn(() => this.save()), SAVE_MS).unref();
    this.checker = setInterval(() => void this.inTurn(() => this.check()), checkMs).unref();
    void this.inTurn(() => this.check());
  }

  /** Leaves the test as it stands, saved, for the next ab-tester. */
  async stop(): Promise<void> {
    clearInterval(this.saver);
    clearInterval(this.checker);
    await this.follower.then((follower) => follower.stop()).catch(() => {});
    await this.inTurn(() => this.save());
    this.end();
  }

  private scored(message: Message): Promise<void> {
    const records = Scores.parse(message.json());
    return this.inTurn(() => this.take({ kind: "scores", sequence: message.sequence, records }));
  }

  private async check(): Promise<void> {
    const { run_id } = this.state;
    const concluded = run_id === undefined ? undefined : await this.context.bus.outcome(run_id, "trial");
    // Someone else has ended the stage: nothing is left but to tidy up.
    if (concluded !== undefined) return this.conclude(verdictOf(this.state));
    await this.take({ kind: "time", atMs: this.context.clock.now() });
  }

  private async take(event: TestEvent): Promise<void> {
    const { state, verdict, measured } = decide(this.state, event);
    this.state = state;
    if (verdict !== undefined) return this.conclude(verdict);
    if (measured) await this.tests.measured(state);
  }

  private async conclude(verdict: Verdict): Promise<void> {
    await this.save();
    if (this.ended) return;
    await this.tests.finish(this.state, verdict, "completed");
    this.end();
  }

  private async save(): Promise<void> {
    if (this.saved === this.state) return;
    const mine = this.state;
    try {
      this.revision = await this.tests.bucket.update(mine.test, mine, this.revision);
      this.saved = mine;
    } catch (error) {
      if (!(error instanceof StaleStateError)) throw error;
      await this.reload();
    }
  }

  /** Another ab-tester wrote: what has seen more counts. */
  private async reload(): Promise<void> {
    const there = await this.tests.bucket.get(this.state.test);
    if (there === undefined || there.value.status !== "running") return this.end();
    this.revision = there.revision;
    this.saved = there.value;
    if (there.value.tally.sequence >= this.state.tally.sequence) this.state = there.value;
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.saver);
    clearInterval(this.checker);
    // Not waited for: this may run inside the follower's own handler.
    void this.follower.then((follower) => follower.stop()).catch(() => {});
    this.onEnd();
  }

  private inTurn(task: () => Promise<void>): Promise<void> {
    this.queue = this.queue
      .then(() => (this.ended ? undefined : task()))
      .catch((err: unknown) => this.context.log.error({ err, test: this.state.test }, "will try again"));
    return this.queue;
  }
}
