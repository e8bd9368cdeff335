import { InvalidInputError } from "../../errors.ts";
import type { LoadOptions, ModelFamily, OpenedFamily } from "../family.ts";
import { openQuantileGraph } from "../quantile-graph.ts";

/**
 * ONNX exports of Chronos-2 that take a context, and where they have them a mask and group ids, and answer 21
 * quantiles. Series are forecast each on its own, in a group of one: with groups in common a forecast would depend on
 * what else is in its batch. As with Chronos-Bolt, samples and temperature are of Retune's sampling layer.
 *
 * A horizon above the graph's is refused: Chronos-2 weighs its quantiles when it unrolls, which no export here does.
 * So are exports with inputs for future covariates.
 *
 * Source: Ansari et al., "Chronos-2: from univariate to universal forecasting" (2025).
 */
export const chronos2Family: ModelFamily = {
  name: "chronos-2",
  heeds: ["context_length", "num_samples", "temperature"],
  parameters: [],
  artifact: "file",
  open,
};

async function open(artifact: string | Uint8Array | undefined, options: LoadOptions): Promise<OpenedFamily> {
  const { manifest, ...opened } = await openQuantileGraph("chronos-2", artifact, options);
  return {
    ...opened,
    predictQuantiles: async (contexts, spec) => {
      if (spec.horizon > manifest.horizon) {
        throw new InvalidInputError(
          `horizon is ${spec.horizon}, expected at most ${manifest.horizon} steps, which this chronos-2 graph predicts at once`,
        );
      }
      return opened.predictQuantiles(contexts, spec);
    },
  };
}
