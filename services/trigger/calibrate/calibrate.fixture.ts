import type { z } from "zod";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { autoregressive } from "../../../shared/statistics/lcg.fixture.ts";
import type { Telemetry } from "./telemetry.ts";

export const HOUR_MS = 3_600_000;
/** A Monday. */
export const START_MS = Date.parse("2025-01-06T00:00:00Z");

type Trigger = NonNullable<z.input<typeof ForecasterSpec>["trigger"]>;

/** Hourly, with a daily season, evaluated every six hours; `time`, `performance` and `drift` are off. */
export function hourly(trigger: Trigger = {}): ForecasterSpec {
  return ForecasterSpec.parse({
    ...{ forecaster: "a", series: "s", horizon: "1h", step: "1h", season_length: 24 },
    trigger: {
      performance: { enabled: false, recent: "2d", baseline: "10d" },
      drift: { enabled: false, recent: "2d", reference: "8d" },
      time: { enabled: false },
      evaluate_every: "6h",
      cooldown: "2d",
      ...trigger,
    },
  });
}

/** AR(1) of standard deviation 1 with a daily season as high; from hour `changeAt` on higher by `shift`. */
export function seasonal(
  seed: number,
  hours: number,
  phi: number,
  { changeAt = hours, shift = 1 }: { changeAt?: number; shift?: number } = {},
): number[] {
  return autoregressive(seed, hours, phi).map(
    (x, t) => x * Math.sqrt(1 - phi ** 2) + Math.sin((2 * Math.PI * t) / 24) + (t >= changeAt ? shift : 0),
  );
}

/** The values as observations and as one-step errors, an hour apart. */
export function recorded(values: readonly number[]): Telemetry {
  const at = (hour: number) => new Date(START_MS + hour * HOUR_MS).toISOString();
  return {
    observations: values.map((value, hour) => ({ ts: at(hour), values: { value } })),
    scores: values.map((error, hour) => ({
      ...{ issued_at: at(hour - 1), target_ts: at(hour), step: 1, error },
      ...{ abs_pct_error: 1, in_interval: true, model_version: "v1" },
    })),
  };
}
