import { describe, expect, it } from "vitest";
import { table, wrap } from "./table.ts";

const columns = [{ title: "RUN" }, { title: "N", right: true }, { title: "OUTCOME" }];
const rows = [
  ["263711cd", "3", "rejected: RMSE improved 0.4 %, needed 5 %"],
  ["1d5aa779", "12", "verified"],
];

describe("a table", () => {
  it("keeps each row on one line where nothing is in the way", () => {
    expect(table(columns, rows, Number.POSITIVE_INFINITY)).toBe(
      [
        "RUN        N  OUTCOME",
        "263711cd   3  rejected: RMSE improved 0.4 %, needed 5 %",
        "1d5aa779  12  verified",
      ].join("\n"),
    );
  });

  it("wraps the last column on a narrow terminal", () => {
    const text = table(columns, rows, 40);
    expect(text.split("\n").every((line) => line.length <= 40)).toBe(true);
    expect(text).toContain("263711cd   3  rejected: RMSE improved");
    expect(text).toContain("\n              0.4 %, needed 5 %");
  });

  it("puts the last column below where hardly any room is left", () => {
    const text = table(columns, rows, 30);
    expect(text.split("\n").every((line) => line.length <= 30)).toBe(true);
    expect(text).toContain("263711cd   3\n    rejected: RMSE improved\n    0.4 %, needed 5 %");
  });

  it("cuts a word that is wider than the terminal, and loses nothing", () => {
    const lines = wrap(`x ${"a".repeat(25)} y`, 10);
    expect(lines).toEqual(["x", "aaaaaaaaaa", "aaaaaaaaaa", "aaaaa y"]);
  });
});
