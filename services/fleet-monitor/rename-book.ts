import { publishAlert } from "../../shared/alerts.ts";
import type { Bus } from "../../shared/bus/bus.ts";
import type { Message } from "../../shared/bus/message.ts";
import { check } from "../../shared/check.ts";
import { RENAME_RULE, Renamed, RenameRequest } from "../../shared/contracts/fleet-monitor.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import { parseEvent } from "../../shared/events.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { Fleet } from "./state.ts";
import type { Renames } from "./status.ts";

const NONE: Renames = new Map();

type Context = Pick<ServiceContext, "bus" | "clock" | "codeVersion" | "log" | "source">;

/** Renames that people confirmed. They are events of DECISIONS, and kept nowhere else. */
export class RenameBook {
  private readonly context: Context;
  private readonly series = new Map<string, Map<string, string>>();
  private following: Awaited<ReturnType<Bus["follow"]>> | undefined;

  constructor(context: Context) {
    this.context = context;
  }

  async open(): Promise<this> {
    const { bus } = this.context;
    const filter = `alert.*.${RENAME_RULE}.*`;
    this.following = await bus.follow("DECISIONS", { filter }, (message) => this.fold(message));
    return this;
  }

  /** New name to old name. */
  of(series: string): Renames {
    return this.series.get(series) ?? NONE;
  }

  async stop(): Promise<void> {
    await this.following?.stop();
  }

  /**
   * Endpoint `fleet-monitor.rename`: writes the decision down; it is in force once it has come back.
   *
   * @throws {InvalidInputError} naming what is wrong with the request, or the entity that is not in the fleet
   */
  async request(payload: unknown, fleets: ReadonlyMap<string, Fleet>): Promise<{ sequence: number }> {
    const { series, from, to, by, revoke } = check(RenameRequest, payload, "fleet-monitor.rename", "payload");
    if (from === to) throw new InvalidInputError("fleet-monitor.rename: 'from' and 'to' are the same name");
    for (const [field, name] of Object.entries({ from, to })) {
      if (revoke || fleets.get(series)?.roster.slots.has(name)) continue;
      throw new InvalidInputError(
        `fleet-monitor.rename: field '${field}' is ${JSON.stringify(name)}, expected an entity of series '${series}'`,
      );
    }
    const { clock, codeVersion } = this.context;
    const verb = revoke ? "cleared" : "raised";
    const data: Renamed = {
      rule: RENAME_RULE,
      about: series,
      severity: "info",
      message: `'${from}' ${revoke ? "was not renamed to" : "is now called"} '${to}', says ${by}`,
      caused_by: [],
      evidence: { code_version: codeVersion },
      from,
      to,
      by,
    };
    const as = { id: newUuidV7(), timeMs: clock.now() };
    return { sequence: await publishAlert(this.context, verb, data, as) };
  }

  private fold(message: Message): void {
    const [, verb, , series] = message.subject.split(".");
    const renamed = read(message);
    if (renamed === undefined) {
      this.context.log.warn({ subject: message.subject, sequence: message.sequence }, "this is no rename");
      return;
    }
    const renames = this.series.get(series!) ?? new Map<string, string>();
    this.series.set(series!, renames);
    if (verb === "raised") renames.set(renamed.to, renamed.from);
    else if (renames.get(renamed.to) === renamed.from) renames.delete(renamed.to);
  }
}

/** Anybody may publish on these subjects. */
function read(message: Message): Renamed | undefined {
  try {
    return parseEvent(message, Renamed).data;
  } catch {
    return undefined;
  }
}
