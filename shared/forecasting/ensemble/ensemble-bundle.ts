import { strFromU8, strToU8 } from "fflate";
import { z } from "zod";
import { ModelParams } from "../../contracts/live-config.ts";
import { Timestamp } from "../../contracts/telemetry.ts";
import { type Bundle, bundleFile } from "../bundle/bundle.ts";
import { parseModelJson } from "../manifest.ts";
import type { LeftOut, Member } from "./members.ts";
import { type EnsembleReport, reportOf } from "./report.ts";
import { decodeForecasts, encodeForecasts, type StoredForecasts } from "./stored-forecasts.ts";
import type { Weighting } from "./weights.ts";

/** An ensemble as it is stored: its members whole, their weights, and what the weights were found on. */
export interface Ensemble {
  readonly members: readonly WeightedMember[];
  readonly weighting: Weighting;
  readonly stored: StoredForecasts;
  /** that were wanted and are no members, with the reason */
  readonly leftOut: readonly LeftOut[];
  /** end of what its members were trained on, ms since the epoch: at an earlier cutoff they know what comes */
  readonly trainedToMs: number;
}

export interface WeightedMember extends Member {
  /** not negative; all sum to one */
  readonly weight: number;
}

const ENSEMBLE = "ensemble.json";
const BACKTEST = "backtest.bin";
const WHAT = "ensemble model";

const Description = z.looseObject({
  weighting: z.enum(["pinball", "nnls", "equal"]),
  members_trained_to: Timestamp,
  members: z
    .array(
      z.object({
        family: z.string(),
        params: ModelParams,
        file: z.string().nullable(),
        weight: z.number().min(0).max(1),
      }),
    )
    .min(1),
  left_out: z.array(z.object({ family: z.string(), reason: z.string() })),
});

/** The report that goes with an ensemble. */
export function describe({ members, weighting, stored }: Ensemble): EnsembleReport {
  const weights = stored.members.map((name) => members.find(({ family }) => family === name)?.weight ?? 0);
  return reportOf(stored, Float64Array.from(weights), weighting);
}

/** `ensemble.json` with members, weights and report, `backtest.bin`, and `members/<family>` for each file. */
export function ensembleFiles(ensemble: Ensemble, report = describe(ensemble)): Map<string, Uint8Array> {
  const { members, weighting, stored, leftOut } = ensemble;
  const fileOf = ({ family, artifact }: Member) => (artifact === undefined ? null : `members/${family}`);
  const description = {
    weighting,
    members_trained_to: new Date(ensemble.trainedToMs).toISOString(),
    members: members.map((member) => {
      const { family, params, weight } = member;
      return { family, params, file: fileOf(member), weight };
    }),
    left_out: leftOut,
    report,
  };
  const files = new Map([
    [ENSEMBLE, strToU8(`${JSON.stringify(description, null, 2)}\n`)],
    [BACKTEST, encodeForecasts(stored)],
  ]);
  for (const member of members) {
    const file = fileOf(member);
    if (file !== null) files.set(file, member.artifact!);
  }
  return files;
}

/** @throws {ModelMismatchError} when a file is missing or has a wrong field */
export function ensembleOf(bundle: Bundle): Ensemble {
  const { weighting, members, left_out, members_trained_to } = parseModelJson(
    Description,
    strFromU8(bundleFile(bundle, ENSEMBLE, WHAT)),
    ENSEMBLE,
  );
  return {
    weighting,
    members: members.map(({ family, params, file, weight }) => ({
      ...{ family, params, weight },
      artifact: file === null ? undefined : bundleFile(bundle, file, WHAT),
    })),
    stored: decodeForecasts(bundleFile(bundle, BACKTEST, WHAT), BACKTEST),
    leftOut: left_out,
    trainedToMs: Date.parse(members_trained_to),
  };
}
