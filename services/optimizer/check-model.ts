import { stat } from "node:fs/promises";
import { explain, InvalidInputError, RetuneError } from "../../shared/errors.ts";
import { oneSeries, planBacktest } from "../../shared/forecasting/backtest.ts";
import type { CheckModel } from "./model-file.ts";
import type { RunnerPool } from "./runner-pool.ts";

/** Length of the series that a model is tried on; its content is of no importance. */
const POINTS = 16;

/**
 * A check that opens a model in a process of its own and lets it forecast one step. A file that has passed is not looked at
 * again until its inode, size or times change.
 *
 * @returns throws {InvalidInputError} naming forecaster, field and value, or whatever another try may cure
 */
export function modelCheck(runners: RunnerPool): CheckModel {
  const passed = new Map<string, string>();
  return async (path, { forecaster, model, search }, family) => {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path);
    const version = `${family}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
    if (passed.get(path) === version) return;
    const runner = runners.take(search.memory_limit_mb);
    try {
      await runner.evaluate({
        family,
        artifactPath: path,
        data: oneSeries(
          Float64Array.from({ length: POINTS }, (_, i) => 100 + (i % 3)),
          1,
        ),
        plan: planBacktest(POINTS, 1, 1),
        spec: { context_length: 8, num_samples: 1, temperature: 1, seed: search.seed },
      });
      passed.set(path, version);
    } catch (error) {
      if (!(error instanceof RetuneError) || error.disposition !== "terminate") throw error;
      throw new InvalidInputError(
        `spec '${forecaster}': model.path '${model.path}' is no model that family '${family}' can use: ${explain(error)}`,
      );
    } finally {
      // The model must not stay open beside the copy that is searched with.
      if (!runner.isClosed) await runner.abort("the model was looked at");
      await runners.give(runner);
    }
  };
}
