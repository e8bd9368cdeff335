import type { CalibratedDetector } from "../../../shared/contracts/calibration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { type Calibration, THRESHOLD_SETTINGS } from "../../../shared/contracts/spec-detectors.ts";
import type { Setting } from "../simulate/settings.ts";

/**
 * What calibrated thresholds change in a spec: each detector's setting (or that of its trial), the evidence of each,
 * one entry a detector, and the budget. Evidence that differs from the spec's in nothing but when and by which version
 * it was made is left as it is, so that the same calibration twice changes nothing.
 */
export function settingsFor(
  { trigger }: Pick<ForecasterSpec, "trigger">,
  {
    budget,
    detectors,
    trial,
  }: {
    readonly budget: string;
    readonly detectors: readonly CalibratedDetector[];
    readonly trial: boolean;
  },
): Setting[] {
  const calibrated = detectors.filter(({ verdict }) => verdict === "calibrated");
  if (calibrated.length === 0) return [];
  const settings = calibrated.map(({ detector, calibrated: value }): Setting => {
    const name = THRESHOLD_SETTINGS[detector]!.setting;
    return { path: ["trigger", detector, ...(trial ? ["trial"] : []), name], value };
  });
  const known = new Map(trigger.calibration.map((each) => [each.detector, each]));
  for (const { evidence } of calibrated) {
    const before = known.get(evidence!.detector);
    if (before === undefined || !isSame(before, evidence!)) known.set(evidence!.detector, evidence!);
  }
  return [
    { path: ["trigger", "false_alarms"], value: budget },
    ...settings,
    { path: ["trigger", "calibration"], value: [...known.values()] },
  ];
}

function isSame(a: Calibration, b: Calibration): boolean {
  const facts = ({ calibrated_at: _, code_version: __, ...rest }: Calibration) =>
    JSON.stringify(Object.entries(rest).sort());
  return facts(a) === facts(b);
}
