import type { Bus } from "../../../shared/bus/bus.ts";
import { durationMs } from "../../../shared/contracts/duration.ts";
import type { Action } from "../../../shared/contracts/spec-remedies.ts";
import { parseStepSubject, type Step, subjects, TERMINAL_STEPS } from "../../../shared/contracts/subjects.ts";
import { UnavailableError } from "../../../shared/errors.ts";
import { newUuidV7 } from "../../../shared/ids.ts";
import { stepOf } from "../decisions.ts";
import { toned } from "../terminal.ts";
import { moment, shortRun } from "../words/format.ts";
import { stepWords } from "../words/steps.ts";
import { type BusCommand, type CommandFlags, knownForecaster, person, printJson } from "./command.ts";

export interface RequestFlags extends CommandFlags {
  readonly reason?: string;
  readonly action?: Action;
  readonly wait?: boolean;
  readonly timeout?: string; // a duration
}

/** What a step of the run that answers the request says. */
interface Heard {
  readonly run_id: string;
  readonly step: Step;
  readonly time: string;
  readonly text: string;
}

/** Ends that mean the loop worked: the better config is live, or the champion deserved to stay. */
const GOOD_ENDS: readonly Step[] = ["verified", "rejected"];

/**
 * `retune request <forecaster>`: asks for a run. With `--wait`, tells its steps until the terminal one and
 * exits 0 for verified and rejected, 1 for refused, failed and rolled-back.
 */
export const request: BusCommand<RequestFlags> = async ({ bus, terminal, flags }, forecaster = "") => {
  await knownForecaster(bus, forecaster);
  const { reason, action } = flags;
  const id = newUuidV7();
  const body = {
    forecaster,
    request_id: id,
    requested_by: person(terminal.env),
    ...(action === undefined ? {} : { action }),
    ...(reason === undefined ? {} : { reason }),
  };
  const sequence = await bus.store(subjects.request, JSON.stringify(body), id);
  if (flags.wait !== true) {
    if (flags.json === true) printJson(terminal, { forecaster, sequence });
    else
      terminal.out(`asked for a run of ${forecaster} [${sequence}]; 'retune watch' shows what becomes of it`);
    return 0;
  }
  const heard: Heard[] = [];
  const hear = (each: Heard, tone: Parameters<typeof toned>[1]) => {
    heard.push(each);
    if (flags.json !== true) terminal.out(`${moment(each.time)}  ${toned(terminal, tone, each.text)}`);
  };
  const last = await waitForEnd(
    bus,
    { forecaster, sequence, limitMs: durationMs(flags.timeout ?? "30m"), stop: terminal.stop },
    hear,
  );
  if (last === undefined) return 1;
  if (flags.json === true)
    printJson(terminal, { forecaster, sequence, run_id: last.run_id, state: last.step, steps: heard });
  else terminal.out(`'retune why ${shortRun(last.run_id)}' explains it`);
  return GOOD_ENDS.includes(last.step) ? 0 : 1;
};

/**
 * Follows the run that answers the request stored at `sequence`: the one whose first step names it as a cause.
 * Where a run is on already, the refusal names it, and that one is followed instead.
 *
 * @returns its terminal step, or undefined when the person gave up
 * @throws {UnavailableError} when the time is over
 */
async function waitForEnd(
  bus: Bus,
  wait: { forecaster: string; sequence: number; limitMs: number; stop: AbortSignal },
  hear: (heard: Heard, tone: Parameters<typeof toned>[1]) => void,
): Promise<Heard | undefined> {
  const { forecaster, sequence, limitMs, stop } = wait;
  const { promise, resolve, reject } = Promise.withResolvers<Heard | undefined>();
  const seen: {
    run: string;
    caused: boolean;
    heard: Heard;
    tone: Parameters<typeof toned>[1];
    active: string | undefined;
  }[] = [];
  let mine: string | undefined;
  const settle = () => {
    if (mine === undefined) mine = seen.find((each) => each.caused)?.run;
    for (const each of seen.filter(({ run }) => run === mine)) {
      hear(each.heard, each.tone);
      seen.splice(seen.indexOf(each), 1);
      if (each.active !== undefined) {
        mine = each.active;
        return settle();
      }
      if (TERMINAL_STEPS.includes(each.heard.step)) return resolve(each.heard);
    }
  };
  const following = await bus.follow(
    "DECISIONS",
    { filter: `retrain.*.${forecaster}.*`, fromSequence: sequence },
    (message) => {
      const found = stepOf(message);
      const parts = parseStepSubject(message.subject);
      if (found === undefined || parts === undefined) return;
      const { data, time } = found.event;
      const { text, tone } = stepWords(parts.step, data);
      const caused =
        (parts.step === "accepted" || parts.step === "refused") && data.caused_by.includes(sequence);
      const active =
        parts.step === "refused" && typeof data.active_run === "string" ? data.active_run : undefined;
      seen.push({
        run: parts.run,
        caused,
        heard: { run_id: parts.run, step: parts.step, time, text },
        tone,
        active,
      });
      settle();
    },
  );
  const timer = setTimeout(() => {
    const message =
      mine === undefined
        ? "nobody answered the request: is a trigger service running?"
        : `run ${mine} is not over`;
    reject(new UnavailableError(`${message} (waited ${limitMs / 1000} s)`));
  }, limitMs);
  const gaveUp = () => resolve(undefined);
  stop.addEventListener("abort", gaveUp, { once: true });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    stop.removeEventListener("abort", gaveUp);
    await following.stop();
  }
}
