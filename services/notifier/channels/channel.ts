import type { Alert } from "../../../shared/contracts/alerts.ts";

/** An alert as channels get it. */
export interface Delivery {
  readonly id: string; // of the alert's event
  readonly time: string; // ISO-8601
  readonly alert: Alert;
}

/** Where alerts go. */
export interface Channel {
  readonly name: "email" | "slack" | "log";
  /** Resolves when the other side has taken it, rejects when it has not. May get the same alert again. */
  deliver(delivery: Delivery): Promise<void>;
}

/** `[HIGH] usdclp-7d: Config rolled back - investigate root cause`, on one line. */
export function title({ alert }: Delivery): string {
  const [head = ""] = alert.message.split(": ");
  return `[${alert.severity.toUpperCase()}] ${alert.about}: ${head}`.replaceAll(/\s+/g, " ").slice(0, 200);
}

/** The alert as text: what happened, to whom, and where to read on. */
export function text({ id, time, alert }: Delivery): string {
  const about = [
    `Severity: ${alert.severity}`,
    `About: ${alert.about}`,
    `Time: ${time}`,
    `Rule: ${alert.rule}`,
    ...(alert.run_id === undefined ? [] : [`Run: ${alert.run_id}`, `Why: retune why ${alert.run_id}`]),
    `Alert: ${id}`,
  ];
  return `${alert.message}\n\n${about.join("\n")}\n`;
}
