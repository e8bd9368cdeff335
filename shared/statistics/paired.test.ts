import { expect, it } from "vitest";
import { improvement, improvements, isImproved } from "./paired.ts";

it.each([
  ["a lower error is an improvement", 2, 1.5, 0.25],
  ["a higher error is a negative one", 2, 3, -0.5],
  ["nothing beats a champion without error", 0, 0, null],
  ["an unknown champion cannot be compared", Number.NaN, 1, null],
  ["a challenger that failed cannot be compared", 2, Number.POSITIVE_INFINITY, null],
])("%s", (_, champion, challenger, expected) => expect(improvement(champion, challenger)).toBe(expected));

it.each([
  ["RMSE alone is enough", { rmse: 95, mape: 10 }, true],
  ["MAPE alone is enough", { rmse: 100, mape: 9.7 }, true],
  ["neither by as much as is asked for", { rmse: 95.1, mape: 9.71 }, false],
  ["an unknown MAPE is no improvement", { rmse: 96, mape: null }, false],
  ["a failed candidate is none", { rmse: Number.POSITIVE_INFINITY, mape: null }, false],
])("better by A-VAL-1: %s", (_, candidate, better) => {
  const limits = { min_rmse_improvement: 0.05, min_mape_improvement: 0.03 };
  expect(isImproved(improvements({ rmse: 100, mape: 10 }, candidate), limits)).toBe(better);
});
