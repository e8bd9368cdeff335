import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import type { Candidate } from "../../shared/contracts/optimizer.ts";

type Measured = Pick<
  LiveConfig,
  | "run_id"
  | "horizon"
  | "validation_rmse"
  | "validation_mape"
  | "validation_mae"
  | "search_iterations"
  | "optimization_time_seconds"
  | "timestamp"
>;

/** The candidate as a config that runs beside the champion, one version ahead of it. */
export function challengerOf(champion: LiveConfig, candidate: Candidate, measured: Measured): LiveConfig {
  const { forecaster, version } = champion;
  return { ...candidate, ...measured, forecaster, version: version + 1 };
}
