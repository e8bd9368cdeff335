import type { Prediction } from "../../../shared/contracts/telemetry.ts";
import type { ChartView, Line } from "./view.ts";
import { TimeWindow } from "./window.ts";

const KEPT = 200; // observations, and past forecasts of each kind
const SHOWN_HORIZONS = 3;
const SHOWN_AT_LEAST = 90;

interface Forecast {
  issuedMs: number;
  readonly steps: Map<number, Prediction>;
}

/**
 * What a forecaster's chart shows, bounded: the newest observations, the newest forecast, and what earlier
 * forecasts said one step and all steps ahead. Challengers' predictions are ignored.
 */
export class Chart {
  private readonly truth = new TimeWindow<number>(KEPT);
  private readonly oneStep = new TimeWindow<number>(KEPT);
  private readonly finalStep = new TimeWindow<number>(KEPT);
  private latest: Forecast | undefined;
  private readonly horizonSteps: number;

  constructor(horizonSteps: number) {
    this.horizonSteps = horizonSteps;
  }

  get hasTruth(): boolean {
    return this.truth.size > 0;
  }

  get newestMs(): number | undefined {
    return this.truth.newest;
  }

  observe(ts: string, value: number): void {
    this.truth.set(Date.parse(ts), value);
  }

  predict(prediction: Prediction): void {
    if (prediction.variant === "challenger") return;
    const issuedMs = Date.parse(prediction.issued_at);
    const targetMs = Date.parse(prediction.target_ts);
    if (prediction.step === 1) this.oneStep.set(targetMs, prediction.mean);
    if (prediction.step === this.horizonSteps) this.finalStep.set(targetMs, prediction.mean);
    if (this.latest === undefined || issuedMs > this.latest.issuedMs)
      this.latest = { issuedMs, steps: new Map() };
    if (issuedMs === this.latest.issuedMs) this.latest.steps.set(prediction.step, prediction);
  }

  view(): ChartView {
    const shown = Math.min(KEPT, Math.max(SHOWN_AT_LEAST, SHOWN_HORIZONS * this.horizonSteps));
    const truth = this.truth.newestEntries(shown);
    const from = truth.times[0] ?? Number.NEGATIVE_INFINITY;
    const steps = [...(this.latest?.steps.values() ?? [])].toSorted((a, b) => a.step - b.step);
    return {
      truth: line(truth),
      one_step: line(this.oneStep.newestEntries(), from),
      // Beyond the truth these are parts of forecasts that are still open: the band shows the newest of them.
      final_step: line(this.finalStep.newestEntries(), from, this.truth.newest),
      forecast:
        this.latest === undefined
          ? null
          : {
              issued_at: new Date(this.latest.issuedMs).toISOString(),
              t: steps.map((step) => Date.parse(step.target_ts) / 1000),
              mean: steps.map((step) => rounded(step.mean)),
              lower: steps.map((step) => rounded(step.lower)),
              upper: steps.map((step) => rounded(step.upper)),
            },
    };
  }
}

function line(
  { times, values }: { times: readonly number[]; values: readonly number[] },
  fromMs = Number.NEGATIVE_INFINITY,
  toMs = Number.POSITIVE_INFINITY,
): Line {
  const t: number[] = [];
  const v: number[] = [];
  times.forEach((time, i) => {
    if (time < fromMs || time > toMs) return;
    t.push(time / 1000);
    v.push(rounded(values[i]!));
  });
  return { t, v };
}

/** Seven significant digits: finer than a pixel, half the bytes. */
function rounded(value: number): number {
  return Number(value.toPrecision(7));
}
