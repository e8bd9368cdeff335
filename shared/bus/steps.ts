import type { JetStreamClient } from "@nats-io/jetstream";
import { z } from "zod";
import { CloudEvent, type StepData } from "../contracts/envelope.ts";
import { STEPS, type Step, subjects } from "../contracts/subjects.ts";
import { StaleStateError, UnavailableError } from "../errors.ts";
import type { KvBucket } from "./kv.ts";
import { isWrongLastSequence, whileUnavailable } from "./retry.ts";
import type { Streams } from "./streams.ts";

/**
 * Stages of a run. Each has one outcome:
 *
 *     search      searched | failed              trial        trialled | rejected | failed
 *     validation  approved | rejected | held | failed         deployment  deployed | failed
 *     approval    approved | rejected            watch        verified | rolled-back | failed
 */
export type Stage = "search" | "validation" | "approval" | "trial" | "deployment" | "watch";

export interface Claim {
  readonly step: Step;
  readonly event: CloudEvent;
}
export const Claim: z.ZodType<Claim> = z.object({ step: z.enum(STEPS), event: CloudEvent });

export interface Published<D = unknown> {
  readonly event: CloudEvent<D>;
  readonly sequence: number;
  /** False when the step had been published before, by another process or an earlier attempt. */
  readonly won: boolean;
}

/** Steps of runs, once for ever. */
export class StepPublisher {
  private readonly js: JetStreamClient;
  private readonly streams: Streams;
  private readonly claims: KvBucket<Claim>;

  constructor(js: JetStreamClient, streams: Streams, claims: KvBucket<Claim>) {
    this.js = js;
    this.streams = streams;
    this.claims = claims;
  }

  /**
   * Publishes `event` unless something was ever published on `subject`; then adopts what is there.
   *
   * The server accepts the first message of a subject only (`Nats-Expected-Last-Subject-Sequence: 0`). Every
   * unclear outcome (time-out, wrong sequence, a rival in flight) is settled by reading the subject and
   * comparing the attempt id, which is the event's id.
   *
   * @throws {UnavailableError} when the server did not answer in 30 s; calling again is safe
   */
  async publishOnce<D>(subject: string, event: CloudEvent<D>): Promise<Published<D>> {
    const payload = JSON.stringify(event);
    return whileUnavailable(`publish on '${subject}'`, async () => {
      let sequence: number | undefined;
      try {
        const ack = await this.js.publish(subject, payload, {
          expect: { lastSubjectSequence: 0 },
          timeout: 2_000,
        });
        if (!ack.duplicate) sequence = ack.seq;
      } catch (error) {
        const there = await this.streams.last("DECISIONS", subject);
        if (there === undefined && isWrongLastSequence(error)) {
          throw named("TimeoutError", `a rival's publish on '${subject}' is in flight`);
        }
        if (there === undefined) throw error;
      }
      if (sequence !== undefined) return { event, sequence, won: true };
      const there = await this.streams.last("DECISIONS", subject);
      if (there === undefined)
        throw new UnavailableError(`'${subject}' was reported as published and is not there`);
      const stored = CloudEvent.parse(there.json()) as CloudEvent<D>;
      return { event: stored, sequence: there.sequence, won: stored.id === event.id };
    });
  }

  /**
   * Ends a stage of a run with one of its outcomes. The first to claim the stage decides; everybody else,
   * this call included, publishes (or finds published) the outcome that was claimed. So a stage has one
   * outcome however many processes, redeliveries and crashes there are, and so a run ends once.
   */
  async conclude<D extends StepData>(
    stage: Stage,
    step: Step,
    event: CloudEvent<D>,
  ): Promise<Published & { step: Step }> {
    const { run_id, forecaster } = event.data;
    const claimed = await this.claim(`claim.${run_id}.${stage}`, { step, event });
    const published = await this.publishOnce(subjects.step(claimed.step, forecaster, run_id), claimed.event);
    return { ...published, step: claimed.step, won: published.event.id === event.id };
  }

  /** The outcome a stage has, or undefined while it is open. */
  async outcome(run: string, stage: Stage): Promise<Claim | undefined> {
    return (await this.claims.get(`claim.${run}.${stage}`))?.value;
  }

  private async claim(key: string, mine: Claim): Promise<Claim> {
    try {
      await this.claims.create(key, mine);
      return mine;
    } catch (error) {
      if (!(error instanceof StaleStateError)) throw error;
      const theirs = await this.claims.get(key);
      if (theirs === undefined) throw error;
      return theirs.value;
    }
  }
}

function named(name: string, text: string): Error {
  const error = new Error(text);
  error.name = name;
  return error;
}
