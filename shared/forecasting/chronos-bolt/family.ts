import type { ModelFamily } from "../family.ts";
import { openQuantileGraph } from "../quantile-graph.ts";

/**
 * Any ONNX export of the Chronos-Bolt contract. The model itself is deterministic and has neither samples nor a
 * temperature: those are of Retune's sampling layer, which draws from the quantiles the model predicts.
 */
export const chronosBoltFamily: ModelFamily = {
  name: "chronos-bolt",
  heeds: ["context_length", "num_samples", "temperature"],
  parameters: [],
  artifact: "file",
  open: (artifact, options) => openQuantileGraph("chronos-bolt", artifact, options),
};
