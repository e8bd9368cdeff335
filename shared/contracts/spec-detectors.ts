import { z } from "zod";
import { Duration } from "./duration.ts";
import { Entity } from "./telemetry.ts";

export const SEVERITIES = ["low", "medium", "high"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** In the order they are evaluated and reported in. */
export const DETECTORS = [
  "performance",
  "drift",
  "psi",
  "wasserstein",
  "mean_shift",
  "page_hinkley",
  "adwin",
  "fleet",
  "unknown_rate",
  "model_age",
  "crossing",
  "time",
] as const;
export type DetectorName = (typeof DETECTORS)[number];

/** What a performance detector may measure, and which way is better. */
export const METRICS = {
  rmse: "smaller",
  mae: "smaller",
  mape: "smaller",
  mase: "smaller",
  pinball: "smaller",
  coverage: "larger",
  accuracy: "larger",
  precision: "larger",
  sharpe: "larger",
} as const;
export type Metric = keyof typeof METRICS;
const METRIC_NAMES = Object.keys(METRICS) as [Metric, ...Metric[]];

type Unwrapped<T> = T extends z.ZodDefault<infer Inner> | z.ZodPrefault<infer Inner> ? Inner : T;
type Overrides<S extends z.ZodRawShape> = {
  [K in keyof S]: z.ZodOptional<Extract<Unwrapped<S[K]>, z.ZodType>>;
};

/**
 * A detector's settings: on or off, its own, and `trial`, settings to be tried beside them. Both are evaluated; the
 * receipt shows what the trial would have done, and only the settings in force decide.
 */
function detector<S extends z.ZodRawShape, E extends boolean>(enabled: E, shape: S) {
  const tried = Object.entries(shape).map(([name, field]) => {
    const bare = field instanceof z.ZodDefault || field instanceof z.ZodPrefault ? field.unwrap() : field;
    return [name, (bare as z.ZodType).optional()];
  });
  return z.strictObject({
    enabled: z.boolean().default(enabled),
    ...shape,
    trial: z
      .strictObject(Object.fromEntries(tried) as Overrides<S>)
      .optional()
      .describe("settings that are evaluated beside those in force and never trigger"),
  });
}

const MinPoints = z.int().min(5).default(8).describe("points needed in each sample, else insufficient");

const Performance = detector(true, {
  metric: z
    .enum(METRIC_NAMES)
    .default("rmse")
    .describe("mase: MAE over that of the seasonal naive forecast on the same window's observations"),
  against: z
    .enum(["baseline-window", "deployment"])
    .default("baseline-window")
    .describe(
      "deployment: what the live config was validated with, else its scores of the first `recent` it was live",
    ),
  recent: Duration.default("14d"),
  baseline: Duration.default("60d"),
  threshold: z
    .number()
    .positive()
    .default(0.15)
    .describe("relative degradation at which it fires: RMSE(recent) / RMSE(baseline) - 1"),
  min_scores: z
    .int()
    .positive()
    .default(20)
    .describe("scores needed in the recent window, else insufficient"),
});

const SAMPLES = ["errors", "values", "changes"] as const;
const windows = {
  on: z
    .enum(SAMPLES)
    .default("errors")
    .describe("one-step errors, observed values, or their first differences"),
  recent: Duration.default("14d"),
  reference: Duration.default("60d").describe("the time before the recent window it is compared with"),
  seasonal: z
    .boolean()
    .default(false)
    .describe("takes the profile of `season_length`, as the reference has it, out of both samples"),
};

const Drift = detector(true, {
  ...windows,
  p_value: z.number().gt(0).lt(1).default(0.05),
  min_severity: z.enum(SEVERITIES).default("medium"),
  severity_at: z
    .strictObject({
      low: z.number().default(0.1),
      medium: z.number().default(0.2),
      high: z.number().default(0.35),
    })
    .prefault({})
    .describe("Kolmogorov-Smirnov distance D from which a severity holds"),
  min_points: MinPoints,
});

const Psi = detector(false, {
  ...windows,
  threshold: z
    .number()
    .positive()
    .default(0.25)
    .describe("population stability index, less what chance alone is expected to make it"),
  bins: z.int().min(2).max(100).default(10),
  min_points: MinPoints,
});

const Wasserstein = detector(false, {
  ...windows,
  threshold: z.number().positive().default(0.5).describe("distance in standard deviations of the reference"),
  min_points: MinPoints,
});

const MeanShift = detector(false, {
  ...windows,
  threshold: z.number().positive().default(0.1).describe("in standard deviations of the reference"),
  min_z: z
    .number()
    .nonnegative()
    .default(0)
    .describe("standard errors the shift must have, too; 2 keeps chance out, 0 asks for none"),
  min_points: MinPoints,
});

const streaming = {
  on: z.enum(["absolute_errors", ...SAMPLES]).default("absolute_errors"),
  window: Duration.default("60d").describe("looks back so far, but not beyond the last completed search"),
  direction: z.enum(["up", "down", "both"]).default("up").describe("of the moves that matter"),
};

const PageHinkley = detector(false, {
  ...streaming,
  delta: z.number().nonnegative().default(0.1).describe("drift allowed for, in standard deviations"),
  threshold: z.number().positive().default(15).describe("lambda, in standard deviations"),
  alpha: z.number().gt(0).max(1).default(1).describe("share of the past sum kept at each value"),
  min_points: z.int().min(5).default(30),
});

const Adwin = detector(false, {
  ...streaming,
  delta: z.number().gt(0).lt(1).default(0.002).describe("chance of a false cut at one check"),
  clock: z.int().positive().max(1_000).default(4).describe("values from one check to the next"),
  min_points: z.int().min(10).default(30),
});

const Fleet = detector(false, {
  threshold: z
    .number()
    .positive()
    .default(0.1)
    .describe("(new + sunset) / known; severity low to 20 %, medium to 35 %, high above"),
});

const UnknownRate = detector(false, {
  threshold: z
    .number()
    .positive()
    .max(1)
    .default(0.05)
    .describe("unknown predictions / predictions; severity medium to 15 %, high above"),
});

const ModelAge = detector(false, {
  max_age: Duration.default("30d").describe("since the live config was found"),
});

const Time = detector(true, {
  max_age: Duration.default("14d").describe("since the last completed search"),
});

/** Detectors whose statistic may be foreseen. */
const FORESEEN = [
  "performance",
  "drift",
  "psi",
  "wasserstein",
  "mean_shift",
  "page_hinkley",
  "fleet",
  "unknown_rate",
] as const;

const Crossing = detector(false, {
  of: z.enum(FORESEEN).default("performance").describe("the detector whose statistic is foreseen"),
  within: Duration.default("7d").describe("fires when the trend reaches that detector's threshold by then"),
  window: Duration.default("30d").describe("evaluations the trend is drawn through"),
  confidence: z.number().gt(0).lt(1).default(0.9).describe("of the band around the slope"),
  act: z.enum(["warn", "fire"]).default("warn").describe("warn: it tells and asks for no run"),
  min_points: z.int().min(5).max(100).default(10).describe("evaluations needed, else insufficient"),
});

/** The detectors a spec may set, each under its name. (A-TRG-1..3, B-TRN-1, C-FLT-1..2, A-FUT-2) */
export const DETECTOR_SPECS = {
  performance: Performance.prefault({}),
  drift: Drift.prefault({}),
  psi: Psi.prefault({}),
  wasserstein: Wasserstein.prefault({}),
  mean_shift: MeanShift.prefault({}),
  page_hinkley: PageHinkley.prefault({}),
  adwin: Adwin.prefault({}),
  fleet: Fleet.prefault({}),
  unknown_rate: UnknownRate.prefault({}),
  model_age: ModelAge.prefault({}),
  crossing: Crossing.prefault({}),
  time: Time.prefault({}),
};

const BUDGET = /^([1-9]\d{0,5}) per (\S+)$/;

/** `1 per 90d`: how many false alarms may come in how much time. */
export const FalseAlarmBudget = z
  .string()
  .regex(BUDGET, "expected a number and a time, such as 1 per 90d")
  .refine(
    (text) => Duration.safeParse(BUDGET.exec(text)?.[2]).success,
    "expected a time such as 90d after 'per'",
  );

/** The parts of a `FalseAlarmBudget`. */
export function falseAlarmBudget(text: z.infer<typeof FalseAlarmBudget>): { alarms: number; per: Duration } {
  const [, alarms, per] = BUDGET.exec(text)!;
  return { alarms: Number(alarms), per: per! };
}

/** Where a calibrated threshold comes from. The threshold itself stands in the detector's own settings. (A-FUT-3) */
export const Calibration = z.strictObject({
  detector: z.enum(DETECTORS),
  budget: FalseAlarmBudget,
  threshold: z.number().describe("in the unit of the detector's statistic"),
  method: z.string().min(1).describe("how history was redrawn, such as seasonal block bootstrap"),
  replicates: z.int().positive(),
  from: z.iso.datetime().describe("history it was set on"),
  to: z.iso.datetime(),
  measured: z
    .number()
    .nonnegative()
    .nullable()
    .default(null)
    .describe("false alarms per the budget's time that the threshold came to on redrawn history"),
  calibrated_at: z.iso.datetime().optional(),
  code_version: z.string(),
});
export type Calibration = z.infer<typeof Calibration>;

const Combine = z.union([
  z.enum(["any", "all"]),
  z
    .strictObject({
      at_least: z.int().positive(),
      of: z.array(z.enum(DETECTORS)).min(1).optional().describe("absent: every enabled detector"),
    })
    .refine(({ at_least, of }) => of === undefined || at_least <= new Set(of).size, {
      path: ["at_least"],
      message: "expected a number that is not above how many are named in `of`",
    }),
]);

/** How what the detectors say becomes one answer. */
export const EVALUATION_SPECS = {
  combine: Combine.default("any").describe(
    "detectors that have to fire; where it hangs on one that cannot tell, the answer is no",
  ),
  confirm: z
    .int()
    .positive()
    .max(1_000)
    .default(1)
    .describe("consecutive evaluations that have to say yes; asking for one does not count"),
  false_discovery: z
    .strictObject({
      rate: z.number().gt(0).lt(1).default(0.05),
      method: z.enum(["benjamini-hochberg", "benjamini-yekutieli"]).default("benjamini-hochberg"),
    })
    .optional()
    .describe(
      "takes the place of drift's p_value: share of false ones among the samples said to have drifted",
    ),
  also_watch: z
    .array(z.strictObject({ metric: z.string().min(1), entity: Entity.optional() }))
    .max(16)
    .default([])
    .describe(
      "further metrics and entities of the series that detectors on values and changes compare, beside its own",
    ),
  false_alarms: FalseAlarmBudget.optional().describe(
    "budget that `retune calibrate` sets the thresholds by; until then those in force hold",
  ),
  calibration: z.array(Calibration).max(100).default([]).describe("written by `retune calibrate`"),
  cost: z
    .strictObject({
      run_seconds: z.number().positive().optional().describe("absent: the median of past runs"),
      min_gain: z
        .number()
        .min(0)
        .max(1)
        .default(0)
        .describe("least share of the error that undoing the degradation is expected to take away"),
      min_gain_per_hour: z.number().nonnegative().default(0).describe("the same for each hour a run takes"),
    })
    .prefault({})
    .describe("where the gain is known and below these the answer is no"),
};

/** The setting of a detector that its statistic is compared with, and how a threshold is written there. */
export const THRESHOLD_SETTINGS: Partial<
  Record<DetectorName, { readonly setting: string; readonly write: (threshold: number) => number | string }>
> = {
  performance: { setting: "threshold", write: (threshold) => threshold },
  drift: { setting: "p_value", write: (threshold) => 10 ** -threshold },
  psi: { setting: "threshold", write: (threshold) => threshold },
  wasserstein: { setting: "threshold", write: (threshold) => threshold },
  mean_shift: { setting: "threshold", write: (threshold) => threshold },
  page_hinkley: { setting: "threshold", write: (threshold) => threshold },
  fleet: { setting: "threshold", write: (threshold) => threshold },
  unknown_rate: { setting: "threshold", write: (threshold) => threshold },
  model_age: { setting: "max_age", write: (threshold) => `${threshold}d` },
  time: { setting: "max_age", write: (threshold) => `${threshold}d` },
};
