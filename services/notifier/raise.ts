import { publishAlert } from "../../shared/alerts.ts";
import type { KvBucket } from "../../shared/bus/kv.ts";
import type { Message } from "../../shared/bus/message.ts";
import type { Alert } from "../../shared/contracts/alerts.ts";
import { CloudEvent, StepData } from "../../shared/contracts/envelope.ts";
import { parseStepSubject } from "../../shared/contracts/subjects.ts";
import { StaleStateError } from "../../shared/errors.ts";
import { deriveUuidV7 } from "../../shared/ids.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { type AlertChange, type AlertRule, decide, type NotifierEvent } from "./decide.ts";
import { initialState, type NotifierState, stateKey } from "./state.ts";

const MAX_TRIES = 20;

/** Turns steps of runs, and the passing of time, into alerts on the bus. */
export class AlertRaiser {
  readonly counts = { raised: 0, cleared: 0 };
  private readonly context: ServiceContext;
  private readonly rules: readonly AlertRule[];
  private readonly states: KvBucket<NotifierState>;

  constructor(context: ServiceContext, rules: readonly AlertRule[], states: KvBucket<NotifierState>) {
    this.context = context;
    this.rules = rules;
    this.states = states;
  }

  /** A message of `retrain.>`. Requests and evaluations are no steps and pass by. */
  async step(message: Message): Promise<void> {
    const named = parseStepSubject(message.subject);
    if (named === undefined) return;
    const envelope = CloudEvent.safeParse(message.json());
    const data = StepData.safeParse(envelope.data?.data);
    if (envelope.data === undefined || data.data === undefined) {
      this.context.log.warn(
        { subject: message.subject, sequence: message.sequence },
        "step without the data of a step, no rule looks at it",
      );
      return;
    }
    const event = { ...envelope.data, data: data.data };
    await this.apply(named.forecaster, { kind: "step", step: named.step, sequence: message.sequence, event });
  }

  async tick(forecaster: string): Promise<void> {
    const at = new Date(this.context.clock.now()).toISOString();
    await this.apply(forecaster, { kind: "tick", at });
  }

  /** @throws {StaleStateError} when others were faster 20 times in a row */
  private async apply(forecaster: string, event: NotifierEvent): Promise<void> {
    const key = stateKey(forecaster);
    for (let tries = 1; ; tries += 1) {
      const entry = await this.states.get(key);
      const state = entry?.value ?? initialState(forecaster);
      const { state: next, changes } = decide(state, event, this.rules);
      if (next === state) return;
      // Publish before saving: a crash in between repeats the publish with the same id, which the stream drops
      // within two minutes and readers recognise after. Saving first could lose the alert.
      for (const change of changes) await this.publish(forecaster, change);
      try {
        await this.states.update(key, next, entry?.revision ?? 0);
        for (const { verb } of changes) this.counts[verb] += 1;
        return;
      } catch (error) {
        if (!(error instanceof StaleStateError) || tries >= MAX_TRIES) throw error;
      }
    }
  }

  private async publish(forecaster: string, change: AlertChange): Promise<void> {
    const { codeVersion, log } = this.context;
    const { verb, rule, cause, causedAt, at, message, runId, causedBy, figures } = change;
    const data: Alert = {
      rule: rule.rule,
      about: forecaster,
      severity: rule.severity,
      message,
      ...(runId === null ? {} : { run_id: runId }),
      caused_by: [...causedBy],
      evidence: { code_version: codeVersion, when: rule.when, figures },
    };
    const id = deriveUuidV7(Date.parse(causedAt), "alert", verb, rule.rule, forecaster, cause);
    await publishAlert(this.context, verb, data, { id, timeMs: Date.parse(at) });
    if (verb === "cleared") log.info({ rule: rule.rule, about: forecaster }, `alert cleared: ${message}`);
  }
}
