/** Accuracy against cost. */

/** What is weighed, all of it better the smaller: an objective and what one forecast costs. */
export interface Costs {
  readonly inferenceMs: number;
  readonly memoryMb: number;
}

/** How much a cost counts; 0 is not at all. With 0.1 an objective 10 % worse is worth a tenth of the cost. */
export interface CostWeights {
  readonly inferenceTime: number;
  readonly memory: number;
}

/**
 * An objective with its costs, in the unit of the objective: what it would be at the reference's costs.
 *
 *     value = objective · (time / reference time)^a · (memory / reference memory)^b,   a, b = log10(1 + weight)
 *
 * The reference, the incumbent or the best trial, only sets the unit: the order of trials does not depend on it. An
 * objective below 0, a profit with its sign turned, is divided by the factor, so that cost is bad there too. A cost
 * that is not above 0 was not measured, and does not count.
 *
 * Source: M. Tan et al., "MnasNet", CVPR (2019), equation 2, for losses and two costs.
 */
export function scalarise(objective: number, costs: Costs, reference: Costs, weights: CostWeights): number {
  const factor =
    relative(costs.inferenceMs, reference.inferenceMs) ** Math.log10(1 + weights.inferenceTime) *
    relative(costs.memoryMb, reference.memoryMb) ** Math.log10(1 + weights.memory);
  return objective >= 0 ? objective * factor : objective / factor;
}

function relative(cost: number, reference: number): number {
  const ratio = cost / reference;
  return ratio > 0 && Number.isFinite(ratio) ? ratio : 1;
}
