import { durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec, TriggerSpec } from "../../../shared/contracts/spec.ts";
import type { DetectorName } from "../../../shared/contracts/spec-detectors.ts";

/** What a detector looks at: scores of every step, one-step errors, values, or their changes. */
export interface Source {
  readonly of: "scores" | "errors" | "absolute_errors" | "values" | "changes";
  /** How far back it looks, ms. */
  readonly spanMs: number;
}

/** What a detector looks at, or why no threshold of it can be set on redrawn history. */
export function sourceOf(detector: DetectorName, { trigger }: ForecasterSpec): Source | { why: string } {
  switch (detector) {
    case "performance": {
      const { against, recent, baseline } = trigger.performance;
      if (against === "deployment")
        return { why: "what it compares with changes at each deployment, which history redrawn has none of" };
      return { of: "scores", spanMs: Math.max(durationMs(recent), durationMs(baseline)) };
    }
    case "drift":
      if (trigger.false_discovery !== undefined)
        return { why: "trigger.false_discovery decides, not p_value" };
      return compared(trigger.drift);
    case "psi":
    case "wasserstein":
    case "mean_shift":
      return compared(trigger[detector]);
    case "page_hinkley": {
      const { on, window } = trigger.page_hinkley;
      return { of: on, spanMs: durationMs(window) };
    }
    case "adwin":
      return { why: "its statistic counts cuts; delta is its own bound on false ones" };
    case "fleet":
    case "unknown_rate":
      return { why: "its figures come from the fleet-monitor, and telemetry redrawn has no fleet" };
    case "model_age":
    case "time":
      return { why: "it goes by the clock and has no false alarms" };
    case "crossing":
      return { why: "it foresees another detector's alarms" };
  }
}

function compared(windows: Pick<TriggerSpec["drift"], "on" | "recent" | "reference">): Source {
  const { on, recent, reference } = windows;
  return { of: on, spanMs: durationMs(recent) + durationMs(reference) };
}
