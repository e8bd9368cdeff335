import { quantile } from "../result.ts";
import { alarmsIn, type Contender, evaluationsOf, type Fired } from "./contenders.ts";
import type { Kind } from "./data.ts";
import { BUDGET } from "./statistics.ts";
import { changed, leadOf, type Sequence, type Stream, shuffled } from "./streams.ts";

/** Recent windows after a change, or after the end of a label, in which an alarm still counts as finding it. */
const TOLERANCE = { change: 2, label: 1 } as const;

/** The sequences every contender goes through for a stream. */
export interface Trials {
  readonly stream: Stream;
  /** in the order of time */
  readonly ordered: Sequence;
  /** no change in them, see `shuffled` */
  readonly quiet: Sequence;
  /** one and the same as `quiet` up to the middle, then changed */
  readonly shifted: Sequence;
  readonly spread: Sequence;
}

export function trialsOf(stream: Stream, seed: number): Trials {
  const quiet = shuffled(stream, seed);
  const from = leadOf(stream) + middleOf(stream) * stream.windows.every;
  return {
    stream,
    ordered: stream.watched,
    quiet,
    shifted: changed(quiet, from, { shift: 1, spread: 1 }),
    spread: changed(quiet, from, { shift: 0, spread: 2 }),
  };
}

/** How a detector did on the streams of one kind. Counts, so that kinds can be added up. */
export interface Figures {
  readonly streams: number;
  readonly evaluations: number;
  /** alarms where nothing changed */
  readonly falseAlarms: number;
  /** alarms in the order of time, changes unknown */
  readonly alarms: number;
  readonly shiftsFound: number;
  readonly spreadsFound: number;
  /** from the shift to the first alarm, in recent windows */
  readonly delays: readonly number[];
  readonly labels: number;
  readonly labelsFound: number;
  /** alarms in the order of time that no label explains */
  readonly unexplained: number;
}

/** @param verdicts what the contender said of one stream; null where it could not be set up for it */
export function figuresOf(
  trials: readonly Trials[],
  verdicts: (trial: Trials) => ((name: keyof Omit<Trials, "stream">) => Fired) | null,
): Figures {
  const each = trials.flatMap((trial) => {
    const fired = verdicts(trial);
    return fired === null ? [] : [streamFigures(trial.stream, fired)];
  });
  const total = (of: (figures: Figures) => number) => each.reduce((sum, figures) => sum + of(figures), 0);
  return {
    streams: each.length,
    evaluations: total(({ evaluations }) => evaluations),
    falseAlarms: total(({ falseAlarms }) => falseAlarms),
    alarms: total(({ alarms }) => alarms),
    shiftsFound: total(({ shiftsFound }) => shiftsFound),
    spreadsFound: total(({ spreadsFound }) => spreadsFound),
    delays: each.flatMap(({ delays }) => delays),
    labels: total(({ labels }) => labels),
    labelsFound: total(({ labelsFound }) => labelsFound),
    unexplained: total(({ unexplained }) => unexplained),
  };
}

/** A Retune detector on the trials of a kind. */
export function contend(contender: Contender, trials: readonly Trials[]): Figures {
  return figuresOf(trials, (trial) => {
    const detect = contender.ready(trial.stream);
    return detect === null ? null : (name) => detect(trial[name]);
  });
}

export function kindTrials({ streams }: Kind): Trials[] {
  return streams.map((stream, s) => trialsOf(stream, 1_000 + s));
}

function streamFigures(stream: Stream, fired: (name: keyof Omit<Trials, "stream">) => Fired): Figures {
  const { windows, labels } = stream;
  const ordered = fired("ordered");
  const delay = delayIn(stream, fired("shifted"));
  const spread = delayIn(stream, fired("spread"));
  const recent = windows.recent * TOLERANCE.label;
  const isIn = (evaluation: number) => {
    const at = evaluation * windows.every;
    return labels.filter(({ from, to }) => at + windows.every > from && at <= to + recent);
  };
  const alarms = alarmsIn(ordered, windows);
  const found = new Set(Array.from(ordered.keys()).flatMap((e) => (ordered[e] === 1 ? isIn(e) : [])));
  return {
    streams: 1,
    evaluations: evaluationsOf(stream),
    falseAlarms: alarmsIn(fired("quiet"), windows).length,
    alarms: alarms.length,
    shiftsFound: delay === null ? 0 : 1,
    spreadsFound: spread === null ? 0 : 1,
    delays: delay === null ? [] : [delay],
    labels: labels.length,
    labelsFound: found.size,
    unexplained: alarms.filter((evaluation) => isIn(evaluation).length === 0).length,
  };
}

/** From the change in the middle to the first evaluation that fires, in recent windows; null where it comes too late. */
function delayIn(stream: Stream, fired: Fired): number | null {
  const { recent, every } = stream.windows;
  const middle = middleOf(stream);
  const at = fired.indexOf(1, middle);
  const delay = ((at + 1 - middle) * every) / recent;
  return at >= 0 && delay <= TOLERANCE.change ? delay : null;
}

function middleOf(stream: Stream): number {
  return Math.floor(evaluationsOf(stream) / 2);
}

/** Alarms in `BUDGET` evaluations. */
export function perBudget(alarms: number, { evaluations }: Figures): number {
  return (alarms * BUDGET) / evaluations;
}

export function medianDelay({ delays }: Figures): number | null {
  return delays.length === 0 ? null : quantile(delays, 0.5);
}
