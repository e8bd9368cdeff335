import { Duration } from "./duration.ts";

/** When an evaluation takes place, and when what it asks for may run. (A-TRG-6) */
export const TIMING_SPECS = {
  cooldown: Duration.default("14d").describe("least time between triggered runs; manual requests pass it"),
  evaluate_every: Duration.default("1d"),
};
