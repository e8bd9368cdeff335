import type { Log } from "../../../shared/log.ts";
import type { Channel } from "./channel.ts";

/** The notifier's own log, at a level by severity. */
export function logChannel(log: Log): Channel {
  return {
    name: "log",
    async deliver({ id, alert: { rule, about, severity, message, run_id } }) {
      const level = severity === "high" ? "error" : severity === "medium" ? "warn" : "info";
      log[level](
        { alert: id, rule, about, severity, ...(run_id === undefined ? {} : { run: run_id }) },
        message,
      );
    },
  };
}
