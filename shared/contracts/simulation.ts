import { z } from "zod";
import { Token } from "./subjects.ts";
import { Timestamp } from "./telemetry.ts";

/** What `retune simulate` asks of the simulator, which runs in a process of its own: JSON on its stdin. */
export const SimulationRequest = z.strictObject({
  from: Timestamp.optional().describe("first time that is reported on; absent: the first telemetry"),
  to: Timestamp.optional().describe("exclusive; absent: the newest telemetry"),
  forecasters: z.array(Token).optional().describe("absent: all"),
  settings: z.array(z.string()).default([]).describe("path=value in the spec, such as trigger.cooldown=7d"),
  mode: z.enum(["what-if", "verify"]).default("what-if"),
  retrain: z
    .boolean()
    .default(false)
    .describe("really search and forecast, instead of keeping what was served"),
  file: z.string().optional().describe("observations from a CSV or Parquet file instead of the recording"),
  history: z.string().optional().describe("folder of the inference-buffer's history; absent: <data>/history"),
});
export type SimulationRequest = z.infer<typeof SimulationRequest>;

/**
 * `recorded`: what happened. `configured`: the specs as they were. `changed`: with the settings asked for. The rest
 * are what these are measured against: never retraining, every night at 02:00, every Sunday at 02:00.
 */
export const POLICIES = ["recorded", "configured", "changed", "never", "nightly", "weekly"] as const;
export type Policy = (typeof POLICIES)[number];

export const SimulatedRun = z.object({
  at: Timestamp,
  cause: z.string(),
  reasons: z.array(z.string()),
  outcome: z
    .string()
    .nullable()
    .describe(
      "terminal step, or deployed | rejected of a search that was re-run; null: it was never observed",
    ),
});
export type SimulatedRun = z.infer<typeof SimulatedRun>;

/** What one policy would have done for one forecaster. */
export const PolicyOutcome = z.object({
  policy: z.enum(POLICIES),
  evaluations: z.int().nonnegative(),
  alarms: z.int().nonnegative().describe("evaluations that asked for a run"),
  insufficient: z.int().nonnegative().describe("evaluations in which a detector could not tell"),
  refused: z.int().nonnegative().describe("alarms that a cool-down, a budget or another run kept back"),
  runs: z.array(SimulatedRun),
  compute_s: z
    .number()
    .nonnegative()
    .nullable()
    .describe(
      "seconds of search: measured where it was run, else the median of the recorded ones; null: none known",
    ),
  served: z.object({
    rmse: z.number().nullable(),
    scores: z.int().nonnegative(),
    basis: z
      .enum(["observed", "assumed", "simulated"])
      .describe(
        "assumed: from diverged_at on it is the error of what was really served, not of what this policy would have served",
      ),
  }),
  diverged_at: Timestamp.nullable().describe("first run that the recording has not, or that only it has"),
  daily: z.array(z.tuple([z.string(), z.number(), z.int()])).describe("day, sum of squared errors, scores"),
});
export type PolicyOutcome = z.infer<typeof PolicyOutcome>;

/** One recorded decision, made again. */
export const VerifiedDecision = z.object({
  sequence: z.int().positive().describe("in DECISIONS"),
  subject: z.string(),
  verdict: z.enum(["reproduced", "different", "unverifiable"]),
  detail: z.string().optional().describe("first field that differs, or why it could not be made again"),
});
export type VerifiedDecision = z.infer<typeof VerifiedDecision>;

export const SimulationReport = z.object({
  mode: z.enum(["what-if", "verify"]),
  from: Timestamp.nullable(),
  to: Timestamp.nullable(),
  code_version: z.string(),
  settings: z.array(z.string()),
  retrained: z.boolean(),
  notes: z.array(z.string()).describe("what the reader must know before believing the figures"),
  seconds: z.number().nonnegative().describe("how long it took"),
  forecasters: z.array(
    z.object({ forecaster: Token, unit: z.string().optional(), policies: z.array(PolicyOutcome) }),
  ),
  decisions: z.array(VerifiedDecision),
});
export type SimulationReport = z.infer<typeof SimulationReport>;
