import { ADWIN_DEFAULTS, initialAdwin, updateAdwin } from "../../../shared/statistics/adwin.ts";
import { alarmsOf } from "../../../shared/statistics/alarms.ts";
import { ksTwoSample } from "../../../shared/statistics/ks-two-sample.ts";
import {
  calibratedThreshold,
  evaluations,
  type StatisticName,
  statisticsOf,
  windowsAt,
} from "./statistics.ts";
import { coolDownOf, leadOf, type Sequence, type Stream, type Windows } from "./streams.ts";

/** Whether each evaluation fires; evaluation e looks at the watched part's first (e + 1) · every steps. */
export type Fired = Uint8Array;

type Detect = (sequence: Sequence) => Fired;

/** A detector to be compared. */
export interface Contender {
  readonly name: string;
  /** whether it takes its threshold from the stream's past */
  readonly calibrates: boolean;
  /** null where no threshold could be set for this stream, which then is left out and counted */
  readonly ready: (stream: Stream) => Detect | null;
}

/** The two extremes, the test everyone would write first, and Retune's with the spec's defaults and calibrated. */
export const CONTENDERS: readonly Contender[] = [
  untuned("always fires", (stream) => () => new Uint8Array(evaluationsOf(stream)).fill(1)),
  untuned("never fires", (stream) => () => new Uint8Array(evaluationsOf(stream))),
  untuned("plain KS as ks_2samp, p < 0.05", plainKs),
  untuned("KS, p < 0.05 and D >= 0.2", ks),
  calibrated("KS, calibrated D", "ks"),
  fixed("PSI, 0.25 above chance", "psi", 0.25),
  calibrated("PSI, calibrated", "psi"),
  fixed("Wasserstein, 0.5 std", "wasserstein", 0.5),
  calibrated("Wasserstein, calibrated", "wasserstein"),
  fixed("mean shift, 0.1 std", "meanShift", 0.1),
  calibrated("mean shift, calibrated", "meanShift"),
  fixed("Page-Hinkley, λ = 15 std", "pageHinkley", 15),
  calibrated("Page-Hinkley, calibrated", "pageHinkley"),
  untuned("ADWIN, δ = 0.002", adwin),
];

function untuned(name: string, ready: (stream: Stream) => Detect): Contender {
  return { name, calibrates: false, ready };
}

function fixed(name: string, statistic: StatisticName, threshold: number): Contender {
  return untuned(name, (stream) => reaching(stream, statistic, threshold));
}

function calibrated(name: string, statistic: StatisticName): Contender {
  const ready = (stream: Stream) => {
    const threshold = calibratedThreshold(stream, statistic);
    return threshold === null ? null : reaching(stream, statistic, threshold);
  };
  return { name, calibrates: true, ready };
}

function reaching({ windows }: Stream, statistic: StatisticName, threshold: number): Detect {
  return ({ clean }) =>
    Uint8Array.from(statisticsOf(clean, windows)[statistic], (x) => Number(x >= threshold));
}

/** No season taken out, values taken for independent. */
function plainKs({ windows }: Stream): Detect {
  return ({ raw }) =>
    new Uint8Array(evaluations(raw, windows)).map((_, e) => {
      const [reference, recent] = windowsAt(raw, windows, e);
      return Number(ksTwoSample(recent, reference).pValue < 0.05);
    });
}

function ks({ windows }: Stream): Detect {
  return ({ clean }) =>
    new Uint8Array(evaluations(clean, windows)).map((_, e) => {
      // Most evaluations are settled by the effect size alone, without the autocorrelation of the reference.
      if (statisticsOf(clean, windows).ks[e]! < 0.2) return 0;
      const [reference, recent] = windowsAt(clean, windows, e);
      return Number(ksTwoSample(recent, reference, { effectiveSize: true }).pValue < 0.05);
    });
}

function adwin(stream: Stream): Detect {
  return ({ clean }) => {
    const alarms: number[] = [];
    let state = initialAdwin();
    for (const [t, value] of clean.entries()) {
      const step = updateAdwin(state, value, { ...ADWIN_DEFAULTS, clock: 4 });
      state = step.state;
      if (step.alarm) alarms.push(t);
    }
    return atEvaluations(stream, alarms);
  };
}

/** Alarms at steps of a sequence, as the evaluations that see them; those of the lead are dropped. */
export function atEvaluations(stream: Stream, steps: readonly number[]): Fired {
  const fired = new Uint8Array(evaluationsOf(stream));
  for (const step of steps) {
    const at = Math.floor((step - leadOf(stream)) / stream.windows.every);
    if (at >= 0 && at < fired.length) fired[at] = 1;
  }
  return fired;
}

export function evaluationsOf(stream: Stream): number {
  return evaluations(stream.watched.clean, stream.windows);
}

/** The evaluations at which a person gets an alarm. */
export function alarmsIn(fired: Fired, windows: Windows): number[] {
  return alarmsOf(fired, coolDownOf(windows));
}
