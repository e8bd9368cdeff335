import { z } from "zod";

/**
 * One token of a NATS subject and one segment of a file name: the same rule for both, so that an id can
 * never add a level to a subject or leave a folder.
 */
export const Token = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
    "expected 1 to 64 letters, digits, '-' or '_', starting with a letter or digit",
  );

/** Id of a run: a UUIDv7. */
export const RunId = z.uuid();

/** Digest under which an artifact is stored: content-addressed, so equal content has one name. */
export const ArtifactDigest = z.string().regex(/^sha256-[0-9a-f]{64}$/, "expected sha256- and 64 hex digits");

export const TELEMETRY_KINDS = ["observation", "prediction", "score", "health"] as const;
export type TelemetryKind = (typeof TELEMETRY_KINDS)[number];

export const STEPS = [
  "accepted",
  "refused",
  "searched",
  "approved",
  "rejected",
  "held",
  "trialled",
  "deployed",
  "verified",
  "rolled-back",
  "failed",
] as const;
/** A step of a run; `evaluated` and `request` belong to no run and have subjects of their own. */
export type Step = (typeof STEPS)[number];

/** Steps after which nothing more happens to a run. */
export const TERMINAL_STEPS: readonly Step[] = ["refused", "rejected", "verified", "rolled-back", "failed"];

export const subjects = {
  telemetry: (kind: TelemetryKind, id: string) => `telemetry.${kind}.${Token.parse(id)}`,
  request: "retrain.request",
  evaluated: (forecaster: string) => `retrain.evaluated.${Token.parse(forecaster)}`,
  step: (step: Step, forecaster: string, run: string) =>
    `retrain.${step}.${Token.parse(forecaster)}.${RunId.parse(run)}`,
  trial: (run: string, number: number, rung = 0) =>
    rung === 0 ? `trial.${RunId.parse(run)}.${number}` : `trial.${RunId.parse(run)}.${number}.${rung}`,
  alert: (verb: "raised" | "cleared", rule: string, subject: string) =>
    `alert.${verb}.${Token.parse(rule)}.${Token.parse(subject)}`,
  abTest: (verb: "created" | "assigned" | "measured" | "concluded", test: string) =>
    `abtest.${verb}.${Token.parse(test)}`,
  /** Core messages outside every stream: how far a search is, for people who look on. */
  progress: (forecaster: string, run: string) => `progress.${Token.parse(forecaster)}.${RunId.parse(run)}`,
  /** The `live-configs` bucket republishes committed writes here. */
  liveCommitted: (key: string) => `live.committed.${key}`,
  predict: (forecaster: string) => `forecaster.predict.${Token.parse(forecaster)}`,
} as const;

/** The parts of a run step's subject, or undefined for any other subject. */
export function parseStepSubject(
  subject: string,
): { step: Step; forecaster: string; run: string } | undefined {
  const [root, step, forecaster, run, ...rest] = subject.split(".");
  if (root !== "retrain" || rest.length > 0 || forecaster === undefined || run === undefined)
    return undefined;
  return STEPS.includes(step as Step) ? { step: step as Step, forecaster, run } : undefined;
}
