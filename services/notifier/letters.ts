import { publishAlert } from "../../shared/alerts.ts";
import type { KvBucket } from "../../shared/bus/kv.ts";
import type { Message } from "../../shared/bus/message.ts";
import { type Alert, DeadLetter } from "../../shared/contracts/alerts.ts";
import { explain, StaleStateError } from "../../shared/errors.ts";
import { parseEvent } from "../../shared/events.ts";
import { deriveUuidV7 } from "../../shared/ids.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { type AlertRule, headline } from "./decide.ts";
import { decideLetters, groupOf, type LettersAlert, type LettersEvent } from "./decide-letters.ts";
import { NEWS_FOR_MS } from "./deliver.ts";
import { DEAD_LETTERS, ruleOf } from "./rules.ts";
import { initialLetters, type LettersState, lettersKey } from "./state.ts";

/** Turns the dead letters that the bus raises into alerts for people, one a group and window. */
export class LetterGroups {
  readonly counts = { dead_letters: 0 };
  private readonly context: ServiceContext;
  private readonly rule: AlertRule | undefined;
  private readonly windowMs: number;
  private readonly states: KvBucket<LettersState>;
  /** Groups with an open window, and when it ends. */
  private readonly open = new Map<string, number>();

  constructor(
    context: ServiceContext,
    rules: readonly AlertRule[],
    windowMs: number,
    states: KvBucket<LettersState>,
  ) {
    this.context = context;
    this.rule = ruleOf(rules, { rule: DEAD_LETTERS });
    this.windowMs = windowMs;
    this.states = states;
  }

  /** A message of `alert.raised.dead-letter.*`. */
  async letter(message: Message): Promise<void> {
    const { subject, sequence } = message;
    let letter: DeadLetter;
    let at: string;
    try {
      ({ time: at, data: letter } = parseEvent(message, DeadLetter));
    } catch (error) {
      return this.context.log.warn(
        { subject, sequence, cause: explain(error) },
        "no dead letter can be read",
      );
    }
    if (this.context.clock.now() - Date.parse(at) > NEWS_FOR_MS) return;
    this.counts.dead_letters += 1;
    await this.apply(groupOf(letter), { kind: "letter", sequence, at, message: letter.message });
  }

  /** Follows the windows that are open, so that a tick asks the bucket about nothing else. */
  start(): Promise<{ stop(): void }> {
    return this.states.watch(lettersKey("*"), ({ value }) => {
      if (value === null) return;
      if (value.window_from === null) this.open.delete(value.group);
      else this.open.set(value.group, Date.parse(value.window_from) + this.windowMs);
    });
  }

  async tick(): Promise<void> {
    const nowMs = this.context.clock.now();
    const at = new Date(nowMs).toISOString();
    for (const [group, endMs] of this.open) {
      if (nowMs < endMs) continue;
      await this.apply(group, { kind: "tick", at }).catch((error: unknown) => {
        if (!(error instanceof StaleStateError)) throw error; // the next tick sees the new state
      });
    }
  }

  private async apply(group: string, event: LettersEvent): Promise<void> {
    const entry = await this.states.get(lettersKey(group));
    const state = entry?.value ?? initialLetters(group);
    const decision = decideLetters(state, event, this.windowMs);
    if (decision.state === state) return;
    // Publish before saving, as in `raise.ts`.
    for (const alert of decision.alerts) await this.publish(group, alert);
    await this.states.update(lettersKey(group), decision.state, entry?.revision ?? 0);
  }

  private async publish(
    group: string,
    { cause, at, message, causedBy, figures }: LettersAlert,
  ): Promise<void> {
    const { codeVersion } = this.context;
    const timeMs = Date.parse(at);
    const data: Alert = {
      rule: DEAD_LETTERS,
      about: group,
      severity: this.rule?.severity ?? "high",
      message: headline(this.rule ?? {}, message),
      caused_by: [...causedBy],
      evidence: { code_version: codeVersion, window_ms: this.windowMs, figures },
    };
    const id = deriveUuidV7(timeMs, "alert", DEAD_LETTERS, group, cause);
    await publishAlert(this.context, "raised", data, { id, timeMs });
  }
}
