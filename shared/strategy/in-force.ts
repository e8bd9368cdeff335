import type { LiveConfig } from "../contracts/live-config.ts";
import type { StrategySpec } from "../contracts/spec-strategy.ts";

/** A spec's strategy with the parameters that are in force: those of the live config, once a run has tuned them. */
export function inForce(strategy: StrategySpec, live: Pick<LiveConfig, "strategy">): StrategySpec {
  return { ...strategy, parameters: live.strategy ?? strategy.parameters };
}
