import { full, sentence } from "../words/format.ts";
import type { DemoView, ForecasterView, LogView } from "./view.ts";

export interface DemoStatus extends DemoView {
  readonly sentence: string | null;
  readonly next_command: string | null;
}

export interface Known {
  readonly demo: DemoStatus | null;
  readonly forecasters: readonly Pick<ForecasterView, "id" | "series" | "live" | "state">[];
  readonly hasObservations: boolean;
  readonly held: { readonly short: string; readonly forecaster: string } | null;
  readonly latest:
    | (Pick<LogView, "forecaster" | "run_id" | "text"> & { readonly short: string | null })
    | null;
}

const COMMAND = "npm run -s retune --";

/** One sentence on what just happened and one command to type next. The demo's own words go first. */
export function headline(known: Known): { readonly sentence: string; readonly next_command: string | null } {
  const own = ownHeadline(known);
  return {
    sentence: known.demo?.sentence ?? own.sentence,
    next_command: known.demo?.next_command ?? own.next_command,
  };
}

function ownHeadline({ forecasters, hasObservations, held, latest }: Known): {
  sentence: string;
  next_command: string;
} {
  const first = forecasters[0];
  if (first === undefined) {
    return {
      sentence: "No forecaster is known yet: describe one in configs/forecasters.",
      next_command: `${COMMAND} provision`,
    };
  }
  if (held !== null) {
    return {
      sentence: `A candidate for ${held.forecaster} waits for your approval.`,
      next_command: `${COMMAND} approve ${held.short}`,
    };
  }
  if (latest !== null) {
    const about = latest.forecaster === null ? "" : `${latest.forecaster}: `;
    const next = latest.short === null ? `status` : `why ${latest.short}`;
    return {
      sentence: about === "" ? sentence(latest.text) : `${about}${full(latest.text)}`,
      next_command: `${COMMAND} ${next}`,
    };
  }
  if (!hasObservations) {
    return {
      sentence: `${forecasters.length === 1 ? "One forecaster waits" : `${forecasters.length} forecasters wait`} for observations.`,
      next_command: `nats pub telemetry.observation.${first.series} '{"ts":"2026-01-01T00:00:00Z","values":{"value":1}}'`,
    };
  }
  return {
    sentence: "All is calm: observations arrive, and nothing was asked for yet.",
    next_command: `${COMMAND} request ${first.id}`,
  };
}
