import { publishAlert } from "../../../shared/alerts.ts";
import type { Bus } from "../../../shared/bus/bus.ts";
import { check } from "../../../shared/check.ts";
import type { Alert } from "../../../shared/contracts/alerts.ts";
import {
  INCIDENT_RULE,
  type Incident,
  IncidentRaised,
  type IncidentScope,
  scopeTarget,
} from "../../../shared/contracts/incidents.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import { newUuidV7 } from "../../../shared/ids.ts";
import { readIncidents } from "../../../shared/incidents.ts";
import { codeVersion } from "../../../shared/service.ts";
import { parseSince } from "../since.ts";
import { list, moment, printable } from "../words/format.ts";
import { table } from "../words/table.ts";
import { type BusCommand, type CommandFlags, person, printJson } from "./command.ts";

export interface IncidentOpenFlags extends CommandFlags {
  readonly from: string; // a time, or a duration back from now
  readonly to?: string;
  readonly reason: string;
  readonly id?: string;
  readonly scope?: "series" | "forecaster";
  readonly by?: string;
}

export interface IncidentCloseFlags extends CommandFlags {
  readonly to?: string;
  readonly withdraw?: boolean;
  readonly by?: string;
}

/** `retune incident open <series|forecaster>`: what was observed in that time is kept out of references and scores. */
export const incidentOpen: BusCommand<IncidentOpenFlags> = async ({ bus, terminal, flags }, target = "") => {
  const { to, reason, id = newUuidV7(), by = person(terminal.env) } = flags;
  const scope = await scopeOf(bus, target, flags.scope);
  const nowMs = Date.now();
  const data = check(
    IncidentRaised,
    {
      incident: id,
      scope,
      from: parseSince(flags.from, nowMs, "--from").toISOString(),
      to: to === undefined ? null : parseSince(to, nowMs, "--to").toISOString(),
      reason,
      by,
    },
    "incident",
  );
  const known = (await incidents(bus)).find((each) => each.incident === id);
  if (known !== undefined && scopeTarget(known.scope) !== target)
    throw new InvalidInputError(`incident '${id}' is about '${scopeTarget(known.scope)}', not '${target}'`);
  const sequence = await tell(bus, terminal.env, "raised", target, data, reason);
  if (flags.json === true) printJson(terminal, { ...data, sequence });
  else terminal.out(`${printable(target)}: incident ${id} ${spanOf(data)} [${sequence}]`);
  return 0;
};

/** `retune incident close <id>`: it is over now, or was at `--to`; `--withdraw` says that there was none. */
export const incidentClose: BusCommand<IncidentCloseFlags> = async ({ bus, terminal, flags }, asked = "") => {
  const found = findIncident(await incidents(bus), asked);
  const { by = person(terminal.env), withdraw = false } = flags;
  if (found.to !== null && flags.to === undefined && !withdraw)
    throw new InvalidInputError(`incident '${found.incident}' ended at ${found.to}; --to corrects that`);
  const at = flags.to === undefined ? new Date() : parseSince(flags.to, Date.now(), "--to");
  const to = withdraw ? found.from : at.toISOString();
  if (Date.parse(to) < Date.parse(found.from))
    throw new InvalidInputError(
      `incident '${found.incident}' begins at ${found.from}, after ${to}: --to names a later end, --withdraw takes it back`,
    );
  const target = scopeTarget(found.scope);
  const data = { incident: found.incident, to, by };
  const sequence = await tell(bus, terminal.env, "cleared", target, data, found.reason);
  if (flags.json === true) printJson(terminal, { ...data, sequence });
  else {
    const how = withdraw ? "is withdrawn" : `is over: ${spanOf({ from: found.from, to })}`;
    terminal.out(`${printable(target)}: incident ${found.incident} ${how} [${sequence}]`);
  }
  return 0;
};

/** `retune incident list`: every incident as DECISIONS tells of it, the newest last. */
export const incidentList: BusCommand = async ({ bus, terminal, flags }) => {
  const all = (await incidents(bus)).toSorted((a, b) => Date.parse(a.from) - Date.parse(b.from));
  if (flags.json === true) {
    printJson(
      terminal,
      all.map(({ events: _, ...each }) => each),
    );
    return 0;
  }
  if (all.length === 0) {
    terminal.out("no incident was ever raised");
    return 0;
  }
  const columns = ["INCIDENT", "ABOUT", "FROM", "TO", "BY", "REASON"].map((title) => ({ title }));
  const cells = all.map(({ incident, scope, from, to, by, reason }) => [
    incident,
    `${"series" in scope ? "series" : "forecaster"} ${scopeTarget(scope)}`,
    moment(from),
    to === null ? "lasts" : to === from ? "withdrawn" : moment(to),
    printable(by),
    printable(reason),
  ]);
  terminal.out(table(columns, cells, terminal.columns));
  return 0;
};

async function incidents(bus: Bus): Promise<Incident[]> {
  return [...(await readIncidents(bus)).values()].flatMap(({ state }) => state.incidents);
}

/** @throws {InvalidInputError} when nobody knows the target, or it is both and `asked` does not say which */
async function scopeOf(bus: Bus, target: string, asked?: "series" | "forecaster"): Promise<IncidentScope> {
  const specs = (await bus.kv("specs", ForecasterSpec).entries()).map(({ value }) => value);
  const isForecaster = asked !== "series" && specs.some(({ forecaster }) => forecaster === target);
  const isSeries = asked !== "forecaster" && specs.some(({ series }) => series === target);
  if (isForecaster && isSeries)
    throw new InvalidInputError(`'${target}' is a series and a forecaster: say which by --scope`);
  if (isForecaster) return { forecaster: target };
  if (isSeries) return { series: target };
  const known = [...new Set(specs.flatMap(({ forecaster, series }) => [series, forecaster]))].sort();
  throw new InvalidInputError(
    `no ${asked ?? "series or forecaster"} is called '${target}'; ${known.length === 0 ? "none is known" : `known: ${list(known)}`}`,
  );
}

/** The incident of a whole id, or of its beginning or end. */
function findIncident(all: readonly Incident[], asked: string): Incident {
  const exact = all.filter(({ incident }) => incident === asked);
  const near = all.filter(
    ({ incident }) => asked !== "" && (incident.startsWith(asked) || incident.endsWith(asked)),
  );
  const [found, ...more] = exact.length > 0 ? exact : near;
  const ids = (some: readonly Incident[]) => list(some.map(({ incident }) => incident));
  if (found !== undefined && more.length === 0) return found;
  if (found !== undefined)
    throw new InvalidInputError(
      `'${asked}' is the beginning or end of several incidents: ${ids([found, ...more])}`,
    );
  throw new InvalidInputError(
    `no incident is called '${asked}'; ${all.length === 0 ? "none was ever raised" : `known: ${ids(all.slice(-8))}`}`,
  );
}

function tell(
  bus: Bus,
  env: NodeJS.ProcessEnv,
  verb: "raised" | "cleared",
  target: string,
  data: object,
  message: string,
): Promise<number> {
  const alert: Alert = {
    ...data,
    rule: INCIDENT_RULE,
    about: target,
    severity: "info",
    message,
    caused_by: [],
    evidence: { code_version: codeVersion(env) },
  };
  const as = { id: newUuidV7(), timeMs: Date.now() };
  return publishAlert({ bus, source: "retune/console/cli" }, verb, alert, as);
}

function spanOf({ from, to }: Pick<Incident, "from" | "to">): string {
  return to === null ? `from ${moment(from)} on` : `from ${moment(from)} to ${moment(to)}`;
}
