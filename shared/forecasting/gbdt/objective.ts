import { selectQuantile } from "./select.ts";

/**
 * What boosting minimises.
 *
 * `l2`: squared error. `quantile`: the pinball loss at every level; all levels share the structure of the trees, each
 * has its own leaf values. `logistic`: log loss of labels 0 and 1; scores are logits.
 */
export type Objective =
  | { readonly kind: "l2" }
  | { readonly kind: "quantile"; readonly levels: readonly number[] }
  | { readonly kind: "logistic" };

/** Scores a model gives a row. */
export function outputsOf(objective: Objective): number {
  return objective.kind === "quantile" ? objective.levels.length : 1;
}

/**
 * The output whose gradients a round's tree is grown on: quantiles take turns, from the middle outwards, so that the
 * structure serves location and spread alike at the cost of one tree.
 */
export function outputOfRound(objective: Objective, round: number): number {
  if (objective.kind !== "quantile") return 0;
  const { levels } = objective;
  const outwards = levels
    .map((level, output) => ({ output, distance: Math.abs(level - 0.5) }))
    .sort((a, b) => a.distance - b.distance);
  return outwards[round % levels.length]!.output;
}

/** The best constant scores, float32: mean, quantiles, or logit of the share of ones. */
export function baseScores(objective: Objective, labels: Float64Array): Float32Array {
  if (objective.kind === "quantile")
    return Float32Array.from(objective.levels, (level) => selectQuantile(labels.slice(), level));
  const mean = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  return Float32Array.of(objective.kind === "l2" ? mean : Math.log(mean / (1 - mean)));
}

/**
 * First and second derivative of the loss by the score, for each row.
 *
 * @param hessian null where it is 1 for all rows: see `hasUnitHessian`
 */
export function fillGradients(
  objective: Objective,
  output: number,
  labels: Float64Array,
  scores: Float64Array,
  gradient: Float64Array,
  hessian: Float64Array | null,
): void {
  const rows = gradient.length;
  if (objective.kind === "l2") {
    for (let i = 0; i < rows; i += 1) gradient[i] = scores[i]! - labels[i]!;
  } else if (objective.kind === "quantile") {
    const level = objective.levels[output]!;
    for (let i = 0; i < rows; i += 1) gradient[i] = labels[i]! > scores[i]! ? -level : 1 - level;
  } else {
    for (let i = 0; i < rows; i += 1) {
      const p = sigmoid(scores[i]!);
      gradient[i] = p - labels[i]!;
      hessian![i] = p * (1 - p);
    }
  }
}

/** Whether the second derivative is 1 for all rows. The pinball loss has none; 1 makes its leaves means of signs. */
export function hasUnitHessian(objective: Objective): boolean {
  return objective.kind !== "logistic";
}

/** Mean loss of rows `from` … `to` − 1: squared error, pinball loss averaged over the levels, or log loss. */
export function meanLoss(
  objective: Objective,
  labels: Float64Array,
  scores: readonly Float64Array[],
  from: number,
  to: number,
): number {
  let sum = 0;
  scores.forEach((column, output) => {
    const lossOf = rowLoss(objective, output);
    for (let row = from; row < to; row += 1) sum += lossOf(labels[row]!, column[row]!);
  });
  return sum / ((to - from) * scores.length);
}

function rowLoss(objective: Objective, output: number): (label: number, score: number) => number {
  if (objective.kind === "l2") return (label, score) => (label - score) ** 2;
  if (objective.kind === "quantile") {
    const level = objective.levels[output]!;
    return (label, score) => (label - score) * (label > score ? level : level - 1);
  }
  // log(1 + e^z), written so that it cannot overflow
  return (label, score) => Math.max(score, 0) - score * label + Math.log1p(Math.exp(-Math.abs(score)));
}

export function sigmoid(score: number): number {
  return 1 / (1 + Math.exp(-score));
}
