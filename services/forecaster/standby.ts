import { z } from "zod";
import type { Bus } from "../../shared/bus/bus.ts";
import { Candidate } from "../../shared/contracts/optimizer.ts";
import { parseStepSubject, TERMINAL_STEPS } from "../../shared/contracts/subjects.ts";
import type { ModelPool } from "./model-pool.ts";

const Found = z.object({ data: z.object({ candidate: Candidate }) });

/** Longest time that a candidate's model is held while nothing is heard of its run. */
const HOLD_MS = 15 * 60_000;

interface Held {
  readonly run: string;
  readonly release: () => Promise<void>;
}

/**
 * Loads a candidate's model as soon as a search has found it, while it is still being proved, and holds it until its run
 * is over: a deployment then swaps to a model that is open already. Only a head start: nobody hears of a model that
 * cannot be loaded, for what goes live is loaded again then.
 */
export class Standby {
  private readonly bus: Pick<Bus, "subscribeCore">;
  private readonly pool: Pick<ModelPool, "acquire">;
  private readonly forecaster: string;
  private held: Held | undefined;
  private timer: NodeJS.Timeout | undefined;
  private subscription: { stop(): void } | undefined;

  constructor(
    { bus, pool }: { readonly bus: Pick<Bus, "subscribeCore">; readonly pool: Pick<ModelPool, "acquire"> },
    forecaster: string,
  ) {
    this.bus = bus;
    this.pool = pool;
    this.forecaster = forecaster;
  }

  /** Resolves once no candidate is missed any more. */
  async start(): Promise<void> {
    const subscription = this.bus.subscribeCore(`retrain.*.${this.forecaster}.*`, (event, { subject }) => {
      const { step, run } = parseStepSubject(subject) ?? {};
      if (run === undefined || step === undefined) return;
      if (step === "searched") this.hold(run, Found.safeParse(event).data?.data.candidate);
      else if (TERMINAL_STEPS.includes(step) && run === this.held?.run) this.letGo();
    });
    this.subscription = subscription;
    await subscription.ready;
  }

  stop(): void {
    this.subscription?.stop();
    this.letGo();
  }

  private hold(run: string, candidate: Candidate | undefined): void {
    if (candidate?.artifact == null) return;
    this.letGo();
    const model = this.pool.acquire(candidate).catch(() => undefined);
    this.held = { run, release: async () => (await model)?.release() };
    this.timer = setTimeout(() => this.letGo(), HOLD_MS).unref();
  }

  private letGo(): void {
    clearTimeout(this.timer);
    const { held } = this;
    this.held = undefined;
    void held?.release().catch(() => {}); // the thread that had it died, and the model with it
  }
}
