import { expect, it } from "vitest";
import { improvement } from "./paired.ts";

it.each([
  ["a lower error is an improvement", 2, 1.5, 0.25],
  ["a higher error is a negative one", 2, 3, -0.5],
  ["nothing beats a champion without error", 0, 0, null],
  ["an unknown champion cannot be compared", Number.NaN, 1, null],
  ["a challenger that failed cannot be compared", 2, Number.POSITIVE_INFINITY, null],
])("%s", (_, champion, challenger, expected) => expect(improvement(champion, challenger)).toBe(expected));
