import type { Deployed, RolledBack, Verified } from "../../../shared/contracts/deployer.ts";
import { parametersText } from "./explain-strategy.ts";
import { count, figure, joined, moment, sentence, span } from "./format.ts";
import { configText } from "./steps.ts";

/** What went live, in place of what, and where it can be found. */
export function deployedLines({
  config,
  revision,
  previous,
  backup_path,
  git_hash,
  warnings,
}: Deployed): readonly string[] {
  return [
    `Version ${config.version} went live as revision ${revision}: ${configText(config)}.`,
    previous === null
      ? config.version === 1
        ? "It is the first version."
        : "Nothing was live before."
      : `It replaced version ${previous.version} (${configText(previous)}).`,
    ...(config.strategy === undefined
      ? []
      : [`Its forecasts are traded ${parametersText(config.strategy)}.`]),
    `${backup_path === null ? "No backup was needed" : `Backup: ${backup_path}`}; ${git_hash === null ? "no git commit" : `git commit ${git_hash.slice(0, 10)}`}.`,
    ...warnings.map((warning) => sentence(`warning: ${warning}`)),
  ];
}

/** How the watch went. */
export function verifiedLines({
  config_version,
  checks,
  failed_checks,
  watched_from,
  watched_to,
}: Verified): readonly string[] {
  const watched = span(Date.parse(watched_to) - Date.parse(watched_from));
  return [
    `Version ${config_version} was watched for ${watched} (${moment(watched_from)} to ${moment(watched_to)}): ${count(checks, "check")}, ${failed_checks === 0 ? "none" : failed_checks} failed.`,
  ];
}

/** Why a version was taken back and what is live instead. */
export function rolledBackLines(report: RolledBack): readonly string[] {
  const { cause, reasons, from_version, restored, revision, git_hash, requested_by, last_checks, warnings } =
    report;
  const who = {
    watch: "The watch",
    manual: requested_by ?? "A person",
    "failed-deployment": "A failed deployment",
  }[cause];
  return [
    sentence(`${who} took version ${from_version} back${reasons.length === 0 ? "" : `: ${joined(reasons)}`}`),
    ...last_checks.map(checkLine),
    restored === null
      ? "Nothing is live now: it was the first version."
      : `Version ${restored.version} is live again (${configText(restored)}), as revision ${revision}${git_hash === null ? "" : `, git commit ${git_hash.slice(0, 10)}`}.`,
    ...warnings.map((warning) => sentence(`warning: ${warning}`)),
  ];
}

function checkLine({ at, healthy, reasons, figures }: RolledBack["last_checks"][number]): string {
  const numbers = Object.entries(figures).map(
    ([name, value]) => `${name.replaceAll("_", " ")} ${figure(value)}`,
  );
  const details = [...reasons, ...numbers].join(", ");
  return `Check at ${moment(at)}: ${healthy ? "healthy" : "failed"}${details === "" ? "" : `, ${details}`}.`;
}
