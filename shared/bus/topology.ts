import {
  DiscardPolicy,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { RetuneError } from "../errors.ts";

export type StreamName = "TELEMETRY" | "DECISIONS" | "TRIALS";
export const BUCKETS = ["live-configs", "specs", "runs", "fleet", "ab-tests", "states"] as const;
export type BucketName = (typeof BUCKETS)[number];
export const ARTIFACT_BUCKET = "artifacts";

const SECOND_NS = 1_000_000_000;
const DAY_NS = 86_400 * SECOND_NS;
const GIB = 2 ** 30;

/** The server keeps something else than Retune was built on. Changing it is a person's decision. */
export class TopologyMismatchError extends RetuneError {
  readonly disposition = "terminate";
}

type Wanted = Partial<StreamConfig> & { name: string };

/**
 * Every stream that Retune uses, buckets and object store included (they are streams with conventions), as
 * data. What is listed is compared with the server's echo, because old servers accept settings they do not
 * know without an error.
 *
 * DECISIONS has no limit of any kind on purpose: the once-only guard of a step is as permanent as its message.
 * TELEMETRY refuses new messages when it is full, so that a publisher feels the pressure and nothing is lost
 * silently.
 *
 * @param replicas 1 on one node, 3 on a cluster
 */
export function topology(replicas: 1 | 3): readonly Wanted[] {
  const base = { storage: StorageType.File, num_replicas: replicas } as const;
  const bucket = (name: BucketName, history: number, extra: Partial<StreamConfig> = {}): Wanted => ({
    ...base,
    name: `KV_${name}`,
    subjects: [`$KV.${name}.>`],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_msgs_per_subject: history,
    allow_rollup_hdrs: true,
    allow_direct: true,
    deny_delete: true,
    ...extra,
  });
  return [
    {
      ...base,
      name: "TELEMETRY",
      subjects: ["telemetry.>"],
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.New,
      max_age: 7 * DAY_NS,
      max_bytes: 8 * GIB,
      duplicate_window: 120 * SECOND_NS,
    },
    {
      ...base,
      name: "DECISIONS",
      subjects: ["retrain.>", "abtest.>", "alert.>"],
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.New,
      max_age: 0,
      max_msgs: -1,
      max_bytes: -1,
      max_msgs_per_subject: -1,
      deny_delete: true,
      deny_purge: true,
      duplicate_window: 120 * SECOND_NS,
    },
    {
      ...base,
      name: "TRIALS",
      subjects: ["trial.>"],
      retention: RetentionPolicy.Workqueue,
      discard: DiscardPolicy.New,
      duplicate_window: 120 * SECOND_NS,
    },
    bucket("live-configs", 64, { republish: { src: "$KV.live-configs.>", dest: "live.committed.>" } }),
    bucket("specs", 64),
    bucket("runs", 1),
    bucket("fleet", 1),
    bucket("ab-tests", 8),
    bucket("states", 1),
    {
      ...base,
      name: `OBJ_${ARTIFACT_BUCKET}`,
      subjects: [`$O.${ARTIFACT_BUCKET}.C.>`, `$O.${ARTIFACT_BUCKET}.M.>`],
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.New,
      allow_rollup_hdrs: true,
      allow_direct: true,
    },
  ];
}

export interface Provisioned {
  readonly name: string;
  readonly created: boolean;
}

/**
 * Creates what is missing and compares what is there. Safe to run at any time and by several processes.
 *
 * @throws {TopologyMismatchError} naming every stream, field, wanted and found value that differ
 */
export async function provision(
  nc: NatsConnection,
  options: { replicas: 1 | 3; create: boolean },
): Promise<Provisioned[]> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const present = new Set<string>();
  for await (const name of jsm.streams.names()) present.add(name);
  const differences: string[] = [];
  const done: Provisioned[] = [];
  for (const wanted of topology(options.replicas)) {
    const exists = present.has(wanted.name);
    if (!exists && !options.create) {
      differences.push(`${wanted.name} does not exist; run 'retune provision'`);
      continue;
    }
    const { config } = exists ? await jsm.streams.info(wanted.name) : await jsm.streams.add(wanted);
    differences.push(...compare(wanted, config));
    done.push({ name: wanted.name, created: !exists });
  }
  if (differences.length > 0)
    throw new TopologyMismatchError(`the server's topology differs: ${differences.join("; ")}`);
  return done;
}

/** Differences between what was wanted and what the server says it keeps; fields not wanted are not compared. */
export function compare(wanted: Wanted, found: StreamConfig): string[] {
  return Object.entries(wanted).flatMap(([field, value]) => {
    const echoed = normalise(found[field as keyof StreamConfig]);
    return JSON.stringify(normalise(value)) === JSON.stringify(echoed)
      ? []
      : [
          `${wanted.name}.${field} is ${JSON.stringify(echoed)}, expected ${JSON.stringify(normalise(value))}`,
        ];
  });
}

/** Servers leave out what is false or empty, and print -1 and 0 for "no limit" alike. */
function normalise(value: unknown): unknown {
  if (value === undefined || value === false || value === 0 || value === -1) return null;
  if (Array.isArray(value)) return [...value].sort();
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, each]) => each !== false && each !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }
  return value;
}
