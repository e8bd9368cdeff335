import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../../../shared/bus/bus.ts";
import type { Score } from "../../../shared/contracts/telemetry.ts";
import { explain } from "../../../shared/errors.ts";
import type { Log } from "../../../shared/log.ts";
import type { Scored } from "../decide.ts";

const IN_FLIGHT = 32;
const RETRY_MS = 1_000;
const MOST_SCORES = 1_000; // in one message, which may have 1 MiB

/**
 * Scores on their way to the bus. A score is tried until it is stored; one that a crash catches here is found
 * again on the next start, as a prediction with a known truth and no score.
 */
export class Outbox {
  private readonly bus: Pick<Bus, "publishTelemetry">;
  private readonly log: Log;
  /** By forecaster and variant: what waits for its turn goes in one message. */
  private readonly waiting = new Map<string, { readonly forecaster: string; readonly scores: Score[] }>();
  private readonly flying = new Set<Promise<void>>();
  private readonly idlers: (() => void)[] = [];
  private stopping = false;

  constructor(bus: Pick<Bus, "publishTelemetry">, log: Log) {
    this.bus = bus;
    this.log = log;
  }

  add(scored: readonly Scored[]): void {
    for (const { forecaster, scores } of scored) {
      const key = `${forecaster} ${scores[0]?.variant ?? ""}`;
      const waiting = this.waiting.get(key) ?? { forecaster, scores: [] };
      this.waiting.set(key, waiting);
      for (const score of scores) waiting.scores.push(score);
    }
    this.pump();
  }

  /** Resolves when everything is stored, or after `stop`. */
  idle(): Promise<void> {
    if (this.waiting.size === 0 && this.flying.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.idlers.push(resolve));
  }

  /** Ends the trying after what is in flight; what is left is scored after the next start. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.flying);
  }

  private pump(): void {
    while (this.flying.size < IN_FLIGHT && this.waiting.size > 0 && !this.stopping) {
      const next = this.next();
      const flight = this.send(next).finally(() => {
        this.flying.delete(flight);
        this.pump();
      });
      this.flying.add(flight);
    }
    if (this.flying.size === 0 && (this.waiting.size === 0 || this.stopping))
      for (const resolve of this.idlers.splice(0)) resolve();
  }

  /** Those that wait longest; who has more than a message takes gets behind the others. */
  private next(): Scored {
    const [key, { forecaster, scores }] = this.waiting.entries().next().value!;
    this.waiting.delete(key);
    if (scores.length <= MOST_SCORES) return { forecaster, scores };
    this.waiting.set(key, { forecaster, scores: scores.slice(MOST_SCORES) });
    return { forecaster, scores: scores.slice(0, MOST_SCORES) };
  }

  private async send({ forecaster, scores }: Scored): Promise<void> {
    const id = createHash("sha256").update(JSON.stringify(scores)).digest("hex");
    while (!this.stopping) {
      try {
        await this.bus.publishTelemetry("score", forecaster, scores, id);
        return;
      } catch (err) {
        this.log.warn(
          { err, forecaster, scores: scores.length },
          `scores could not be published, will try again: ${explain(err)}`,
        );
        await sleep(RETRY_MS);
      }
    }
  }
}
