import { z } from "zod";
import { AbTest } from "../../shared/contracts/ab-tester.ts";
import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import { LiveConfig as LiveConfigSchema, modelVersion } from "../../shared/contracts/live-config.ts";
import { Candidate } from "../../shared/contracts/optimizer.ts";

const Half = z.object({
  variant: z.enum(["champion", "challenger"]),
  error: z.number(),
  inside: z.boolean(),
});

const Sums = z.object({
  squares: z.number().nonnegative().describe("sum of squared errors"),
  inside: z.int().nonnegative().describe("scores whose actual lay inside the interval"),
});

/** What the scores have come to. A pair counts once both sides of it are scored. */
export const Tally = z.object({
  sequence: z.int().nonnegative().describe("last message of TELEMETRY that was folded in"),
  first_sequence: z.int().nonnegative().describe("where the test began to look"),
  pairs: z.int().nonnegative(),
  champion: Sums,
  challenger: Sums,
  waiting: z.record(z.string(), Half).describe("scores whose other side has not come yet, oldest first"),
});
export type Tally = z.infer<typeof Tally>;

/** Bucket `ab-tests`, key = test: the contract's fields and what it takes to go on after a restart. */
export const TestState = AbTest.extend({
  challenger_config: LiveConfigSchema,
  champion: z.object({
    model_version: z.string(),
    version: z.int().positive(),
    revision: z.int().positive(),
  }),
  placed: z.boolean().describe("false until the challenger is in live-configs and the test is announced"),
  tally: Tally,
  caused_by: z.array(z.int().nonnegative()),
  outcome: z.enum(["promote", "keep-champion", "insufficient"]).optional(),
  reasons: z.array(z.string()).optional(),
});
export type TestState = z.infer<typeof TestState>;

export interface NewTest {
  readonly test: string;
  readonly forecaster: string;
  readonly description?: string | undefined;
  readonly challenger_config: LiveConfig;
  readonly champion: { readonly value: LiveConfig; readonly revision: number };
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly min_scores: number;
  readonly run_id?: string | undefined;
  readonly caused_by: readonly number[];
  /** last message of TELEMETRY before the test */
  readonly sequence: number;
}

/** State of a test that is about to begin. */
export function newTest(parts: NewTest): TestState {
  const { value, revision } = parts.champion;
  return {
    test: parts.test,
    forecaster: parts.forecaster,
    ...(parts.description === undefined ? {} : { description: parts.description }),
    challenger: Candidate.parse(parts.challenger_config),
    started_at: new Date(parts.startedAtMs).toISOString(),
    ends_at: new Date(parts.startedAtMs + parts.durationMs).toISOString(),
    min_scores: parts.min_scores,
    status: "running",
    ...(parts.run_id === undefined ? {} : { run_id: parts.run_id }),
    challenger_config: parts.challenger_config,
    champion: { model_version: modelVersion(value), version: value.version, revision },
    placed: false,
    tally: {
      sequence: parts.sequence,
      first_sequence: parts.sequence + 1,
      pairs: 0,
      champion: { squares: 0, inside: 0 },
      challenger: { squares: 0, inside: 0 },
      waiting: {},
    },
    caused_by: [...parts.caused_by],
  };
}

/** The test as people and events see it. */
export function publicView({
  test,
  forecaster,
  description,
  challenger,
  started_at,
  ends_at,
  min_scores,
  status,
  run_id,
}: TestState): AbTest {
  return {
    test,
    forecaster,
    ...(description === undefined ? {} : { description }),
    challenger,
    started_at,
    ends_at,
    min_scores,
    status,
    ...(run_id === undefined ? {} : { run_id }),
  };
}

/** Key in `live-configs` of a forecaster's one challenger. */
export const challengerKey = (forecaster: string) => `${forecaster}.challenger`;
