import type { ModelManifest } from "./manifest.ts";

/** A loaded model that predicts the quantiles of one block of steps. */
export interface QuantileModel {
  readonly manifest: ModelManifest;
  /**
   * @param contexts one per series, oldest step first, NaN for missing, at most `context_length` last steps are used
   * @returns [series, block, levels] row-major, ascending over the levels, unit of the series
   */
  readonly predictBlock: (contexts: readonly Float32Array[]) => Promise<Float32Array>;
  /** Frees the model. Nothing may be predicted afterwards. */
  readonly release: () => Promise<void>;
}
