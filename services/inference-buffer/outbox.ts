import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../../shared/bus/bus.ts";
import { explain } from "../../shared/errors.ts";
import type { Log } from "../../shared/log.ts";
import type { Scored } from "./decide.ts";

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
  private readonly waiting: Scored[] = [];
  private readonly flying = new Set<Promise<void>>();
  private readonly idlers: (() => void)[] = [];
  private stopping = false;

  constructor(bus: Pick<Bus, "publishTelemetry">, log: Log) {
    this.bus = bus;
    this.log = log;
  }

  add(scored: readonly Scored[]): void {
    for (const { forecaster, scores } of scored) {
      for (let from = 0; from < scores.length; from += MOST_SCORES)
        this.waiting.push({ forecaster, scores: scores.slice(from, from + MOST_SCORES) });
    }
    this.pump();
  }

  /** Resolves when everything is stored, or after `stop`. */
  idle(): Promise<void> {
    if (this.waiting.length === 0 && this.flying.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.idlers.push(resolve));
  }

  /** Ends the trying after what is in flight; what is left is scored after the next start. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.flying);
  }

  private pump(): void {
    while (this.flying.size < IN_FLIGHT && this.waiting.length > 0 && !this.stopping) {
      const next = this.waiting.shift()!;
      const flight = this.send(next).finally(() => {
        this.flying.delete(flight);
        this.pump();
      });
      this.flying.add(flight);
    }
    if (this.flying.size === 0 && (this.waiting.length === 0 || this.stopping))
      for (const resolve of this.idlers.splice(0)) resolve();
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
