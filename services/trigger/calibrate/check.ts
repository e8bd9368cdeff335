import type { CheckedCalibration } from "../../../shared/contracts/calibration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Calibration } from "../../../shared/contracts/spec-detectors.ts";
import type { RecordedEvent } from "../simulate/recording.ts";
import { budgetOf } from "./budget.ts";
import { alarmsSince } from "./since.ts";
import type { Telemetry } from "./telemetry.ts";
import { calibrateDetector, settingNow, written } from "./threshold.ts";

/** A threshold is to be set anew when that would move it by more than this share of it. */
const WORTH_MOVING = 0.2;

/**
 * Whether a stored threshold kept its budget, and where it would be on the history there is by now, from where the stored
 * one's began: what was left out then before it stays out.
 */
export function checkCalibration(
  stored: Calibration,
  telemetry: Telemetry,
  events: readonly RecordedEvent[],
  spec: ForecasterSpec,
  made: { readonly codeVersion: string; readonly nowMs: number },
): CheckedCalibration {
  const { detector, budget } = stored;
  const fromMs = Date.parse(stored.from);
  const since: Telemetry = {
    scores: telemetry.scores.filter(({ target_ts }) => Date.parse(target_ts) >= fromMs),
    observations: telemetry.observations.filter(({ ts }) => Date.parse(ts) >= fromMs),
  };
  const anew = calibrateDetector(detector, since, spec, { budget: budgetOf(budget), ...made });
  const threshold = anew.evidence?.threshold ?? null;
  const moved = threshold === null ? null : Math.abs(threshold / stored.threshold - 1);
  return {
    stored,
    ...alarmsSince(stored, events, spec),
    in: placeOf(stored, spec),
    threshold,
    moved,
    recalibrate: moved !== null && moved > WORTH_MOVING,
    ...(anew.reason === undefined ? {} : { reason: anew.reason }),
  };
}

function placeOf({ detector, threshold }: Calibration, spec: ForecasterSpec): CheckedCalibration["in"] {
  const setting = written(detector, threshold);
  const places = ["force", "trial"] as const;
  return places.find((place) => settingNow(detector, spec, place) === setting) ?? "neither";
}
