import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { StrategySpec } from "../../../shared/contracts/spec-strategy.ts";
import type { Market, Span } from "../../../shared/strategy/backtest.ts";
import type { StrategyTrial } from "../../../shared/strategy/tune.ts";

export interface TuneRequest {
  readonly market: Market;
  readonly span: Span;
  readonly strategy: StrategySpec;
}

/**
 * `tuneStrategy` in a thread, so that thousands of backtests hold up nothing else.
 *
 * @throws the reason of the signal once it is aborted, and as `tuneStrategy`
 */
export async function tuneInThread(request: TuneRequest, signal: AbortSignal): Promise<StrategyTrial[]> {
  signal.throwIfAborted();
  const thread = new Worker(new URL("./tune-thread.ts", import.meta.url), { workerData: request });
  try {
    const [trials] = (await once(thread, "message", { signal })) as [StrategyTrial[]];
    return trials;
  } finally {
    await thread.terminate();
  }
}
