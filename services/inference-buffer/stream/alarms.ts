import { setTimeout as sleep } from "node:timers/promises";
import { publishAlert } from "../../../shared/alerts.ts";
import type { Alert } from "../../../shared/contracts/alerts.ts";
import { deriveUuidV7 } from "../../../shared/ids.ts";
import type { ServiceContext } from "../../../shared/service.ts";

const ABOUT = "inference-buffer";
const RETRY_MS = 1_000;

export interface Alarm {
  /**
   * `history-damaged`: files of the history that are not as they were written, or not its own.
   * `telemetry-lost`: messages that can never be read. `stream-recreated`: the stream began anew.
   */
  readonly rule: "history-damaged" | "telemetry-lost" | "stream-recreated";
  readonly message: string;
  readonly figures: Readonly<Record<string, string | number>>;
}

/** Tells people about telemetry that was lost: in the log, in the health, and as alerts. */
export class Alarms {
  private readonly context: Pick<ServiceContext, "bus" | "source" | "codeVersion" | "log" | "reportHealth">;
  private readonly sending = new Set<Promise<void>>();
  private stopped = false;

  constructor(context: Alarms["context"]) {
    this.context = context;
  }

  /** Returns at once; the alert is tried until it is stored. */
  raise(alarm: Alarm): void {
    const { log, reportHealth } = this.context;
    const { rule, message, figures } = alarm;
    log.error({ rule, ...figures }, message);
    reportHealth(rule, message);
    const sent = this.send(alarm).finally(() => this.sending.delete(sent));
    this.sending.add(sent);
  }

  /** Ends the trying; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.sending);
  }

  private async send({ rule, message, figures }: Alarm): Promise<void> {
    const { codeVersion, log } = this.context;
    const timeMs = Date.now();
    const data: Alert = {
      rule,
      about: ABOUT,
      severity: "high",
      message,
      caused_by: [],
      evidence: { code_version: codeVersion, figures },
    };
    const id = deriveUuidV7(timeMs, "alert", rule, ABOUT, JSON.stringify(figures));
    while (!this.stopped) {
      try {
        await publishAlert(this.context, "raised", data, { id, timeMs });
        return;
      } catch (err) {
        log.warn({ err, rule }, "alert could not be published, will try again");
        await sleep(RETRY_MS);
      }
    }
  }
}
