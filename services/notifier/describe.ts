import { Deployed, RolledBack } from "../../shared/contracts/deployer.ts";
import type { StepData } from "../../shared/contracts/envelope.ts";
import { Failed } from "../../shared/contracts/failed.ts";
import type { Step } from "../../shared/contracts/subjects.ts";

/** One sentence about a step for people; what the data does not say is left out. */
export function describeStep(step: Step, data: StepData): string {
  const run = `run ${data.run_id}`;
  if (step === "deployed") return deployed(data) ?? `${run} was deployed`;
  if (step === "rolled-back") return rolledBack(data) ?? `${run} was rolled back`;
  if (step === "failed") {
    const { data: failed } = Failed.safeParse(data);
    return failed === undefined ? `${run} failed` : `${run} failed at ${failed.stage}: ${failed.cause}`;
  }
  const reasons = Array.isArray(data.reasons) ? data.reasons.join("; ") : "";
  return reasons === "" ? `${run} was ${step}` : `${run} was ${step}: ${reasons}`;
}

function deployed(data: StepData): string | undefined {
  const report = Deployed.safeParse(data).data;
  if (report === undefined) return undefined;
  const { config, previous, backup_path: backup, git_hash: hash, warnings } = report;
  const was =
    previous === null
      ? "its first"
      : `before: version ${previous.version}, RMSE ${show(previous.validation_rmse)}`;
  const facts = [
    `version ${config.version} of ${config.forecaster} is live, RMSE ${show(config.validation_rmse)} (${was})`,
    ...(backup === null ? [] : [`backup ${backup}`]),
    ...(hash === null ? [] : [`commit ${hash}`]),
    ...warnings,
  ];
  return facts.join("; ");
}

function rolledBack(data: StepData): string | undefined {
  const event = RolledBack.safeParse(data).data;
  if (event === undefined) return undefined;
  const now = event.restored === null ? "no config is live" : `version ${event.restored.version} is live`;
  const by = event.requested_by === undefined ? "" : ` by ${event.requested_by}`;
  return [
    `version ${event.from_version} was taken back${by} (${event.reasons.join("; ")}); ${now}`,
    ...event.warnings,
  ].join("; ");
}

function show(value: number | null): string {
  return value === null ? "not measured" : String(Number(value.toPrecision(4)));
}
