/** How well probabilities of a rise tell what happened. Labels are 0 and 1. */
export interface SignalMeasures {
  /** share of rows where a probability above one half met a rise, or one below it a fall; one half is half right */
  readonly accuracy: number;
  /** share of rises among those foretold; null where none was */
  readonly precision: number | null;
  /** −mean of ln p of what happened: ln 2 = 0.693 knows nothing, less is better */
  readonly log_loss: number;
  /** mean (p − label)²: 0.25 knows nothing, less is better */
  readonly brier: number;
  readonly n: number;
}

/** Keeps the log loss of a certain and wrong probability finite. */
const CERTAIN = 1e-7;

/** Measures of no rows are NaN. */
export function signalMeasures(labels: ArrayLike<number>, probabilities: ArrayLike<number>): SignalMeasures {
  let [right, foretold, met, squares] = [0, 0, 0, 0];
  const n = labels.length;
  for (let row = 0; row < n; row += 1) {
    const p = probabilities[row]!;
    const label = labels[row]!;
    right += p === 0.5 ? 0.5 : Number(p > 0.5 === (label === 1));
    if (p > 0.5) {
      foretold += 1;
      met += label;
    }
    squares += (p - label) ** 2;
  }
  return {
    accuracy: right / n,
    precision: foretold === 0 ? null : met / foretold,
    log_loss: logLoss(labels, probabilities),
    brier: squares / n,
    n,
  };
}

/** Mean log loss, in nats. */
export function logLoss(labels: ArrayLike<number>, probabilities: ArrayLike<number>): number {
  return mean(logLosses(labels, probabilities));
}

/** [rows] −ln p of what happened. */
export function logLosses(labels: ArrayLike<number>, probabilities: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: labels.length }, (_, row) => {
    const p = labels[row] === 1 ? probabilities[row]! : 1 - probabilities[row]!;
    return -Math.log(Math.max(CERTAIN, p));
  });
}

function mean(values: Float64Array): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}
