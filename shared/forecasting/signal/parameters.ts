import type { ModelParameter } from "../family.ts";

/** What a signal model can be tuned by. */
export const SIGNAL_PARAMETERS: readonly ModelParameter[] = [
  {
    ...{ name: "values", kind: "choice", choices: ["price", "change"], default: "price" },
    description: "what the series holds: prices, or changes such as returns",
  },
  {
    ...{ name: "train_steps", kind: "integer", min: 100, max: 20_000, log: true, default: 336 },
    description: "newest steps that are learnt from, 14 days of hours; the last seventh stops the boosting",
  },
  {
    ...{ name: "select_features", kind: "choice", choices: [true, false], default: true },
    description: "whether features are chosen by backward elimination before the training",
  },
  {
    ...{ name: "learning_rate", kind: "float", min: 0.01, max: 0.3, log: true, default: 0.1 },
    description: "share of each tree's leaf values that is added",
  },
  {
    ...{ name: "leaves", kind: "integer", min: 3, max: 64, log: true, default: 8 },
    description: "leaves of one tree at most",
  },
  {
    ...{ name: "rounds", kind: "integer", min: 5, max: 500, log: true, default: 60 },
    description: "trees at most",
  },
  {
    ...{ name: "min_leaf", kind: "integer", min: 5, max: 500, log: true, default: 20 },
    description: "rows that a leaf must hold",
  },
  {
    ...{ name: "l2", kind: "float", min: 0.01, max: 100, log: true, default: 1 },
    description: "pull of the leaves towards no opinion",
  },
];
