import { z } from "zod";
import { Duration } from "./duration.ts";
import { Evidence } from "./envelope.ts";
import { SEVERITIES } from "./spec-detectors.ts";
import { ArtifactDigest, Token } from "./subjects.ts";
import { Timestamp } from "./telemetry.ts";

/** Data of `alert.raised.<rule>.<subject>` and `alert.cleared.…`. */
export const Alert = z.looseObject({
  rule: Token,
  about: z.string().describe("the forecaster, or what else it is about"),
  severity: z.enum([...SEVERITIES, "info"]),
  message: z.string(),
  run_id: z.string().optional(),
  caused_by: z.array(z.int().nonnegative()),
  evidence: Evidence,
});
export type Alert = z.infer<typeof Alert>;

/** Data of `alert.raised.dead-letter.<stream>`: a message nobody could process, whole. */
export const DeadLetter = Alert.extend({
  stream: z.string(),
  durable: z.string().optional().describe("the consumer that could not process it"),
  sequence: z.int().nonnegative(),
  subject: z.string(),
  deliveries: z.int().nonnegative(),
  error: z.string(),
  payload: z.string().describe("the message's bytes, base64; empty where they are in payload_artifact"),
  payload_artifact: ArtifactDigest.optional().describe(
    "digest of a payload above 512 KiB in the bucket artifacts",
  ),
  received_at: Timestamp,
});
export type DeadLetter = z.infer<typeof DeadLetter>;

const Channel = z.enum(["email", "slack", "log"]);

/** `configs/alerts.yaml`. Addresses and secrets come from the environment, never from this file. (A-ALR-1) */
export const AlertRules = z.strictObject({
  rules: z.array(
    z.strictObject({
      rule: Token,
      when: z.discriminatedUnion("kind", [
        z.strictObject({
          kind: z.literal("step"),
          step: z.enum(["deployed", "rolled-back", "failed", "rejected", "verified", "held"]),
          stage: z.string().optional(),
        }),
        z.strictObject({ kind: z.literal("consecutive-rejections"), count: z.int().positive() }),
        z.strictObject({ kind: z.literal("slow-optimization"), longer_than: Duration }),
        z.strictObject({ kind: z.literal("stale"), longer_than: Duration }),
        z.strictObject({ kind: z.literal("dead-letter") }),
        z
          .strictObject({ kind: z.literal("alert") })
          .describe("another service raises it, under the name of this rule: data-quality, incident"),
      ]),
      severity: z.enum([...SEVERITIES, "info"]),
      channels: z.array(Channel).min(1),
      message: z.string().optional(),
    }),
  ),
});
export type AlertRules = z.infer<typeof AlertRules>;
