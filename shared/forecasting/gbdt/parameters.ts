import type { ModelParameter } from "../family.ts";
import { REFERENCES } from "./scaled-target.ts";

/** What a gbdt model can be tuned by. */
export const GBDT_PARAMETERS: readonly ModelParameter[] = [
  {
    ...{ name: "learning_rate", kind: "float", min: 0.01, max: 0.3, log: true, default: 0.05 },
    description: "share of each tree's leaf values that is added",
  },
  {
    ...{ name: "leaves", kind: "integer", min: 4, max: 128, log: true, default: 16 },
    description: "leaves of one tree at most",
  },
  {
    ...{ name: "rounds", kind: "integer", min: 10, max: 1000, log: true, default: 200 },
    description:
      "trees at most, fewer where the latest fifth of time gains no more; a training that goes on adds a tenth",
  },
  {
    ...{ name: "min_leaf", kind: "integer", min: 5, max: 500, log: true, default: 40 },
    description: "rows that a leaf must hold",
  },
  {
    ...{ name: "l2", kind: "float", min: 0.01, max: 100, log: true, default: 1 },
    description: "pull against splits that serve few rows",
  },
  {
    ...{ name: "feature_share", kind: "float", min: 0.3, max: 1, default: 0.8 },
    description: "share of the features that each tree may split on",
  },
  {
    ...{ name: "row_share", kind: "float", min: 0.3, max: 1, default: 0.8 },
    description: "share of the rows that each tree is grown on",
  },
  {
    ...{ name: "lags", kind: "integer", min: 1, max: 64, log: true, default: 8 },
    description: "values before the last one that are features, one step apart",
  },
  {
    ...{ name: "reference", kind: "choice", choices: ["auto", ...REFERENCES], default: "auto" },
    description: "what targets are measured from; auto: what comes nearest to them in the training data",
  },
  {
    ...{ name: "select_features", kind: "choice", choices: [true, false], default: true },
    description: "whether features are chosen by backward elimination before the training",
  },
];
