import { describe, expect, it } from "vitest";
import { bar } from "./bar.ts";
import { versusBaselines, versusLastValue } from "./baseline.ts";
import {
  figure,
  list,
  moment,
  percent,
  printable,
  readable,
  sentence,
  shortRun,
  signedPercent,
  span,
} from "./format.ts";

describe("figures in words", () => {
  it.each([
    [0, "0"],
    [948.123, "948.1"],
    [0.0123456, "0.01235"],
    [0.000012341, "1.234e-5"],
    [123_456_789, "123456789"],
    [1_234_567.8, "1.235e+6"],
    [null, "n/a"],
    [Number.NaN, "n/a"],
    [Number.POSITIVE_INFINITY, "infinite"],
  ])("writes %s as %s", (value, text) => expect(figure(value)).toBe(text));

  it.each([
    [0.0512, "5.1 %"],
    [0.05, "5 %"],
    [1.234, "123 %"],
    [-0.004, "-0.4 %"],
    [-0.0001, "0 %"],
    [null, "n/a"],
  ])("writes the share %s as %s", (share, text) => expect(percent(share)).toBe(text));

  it("signs a share that is above zero", () => {
    expect([signedPercent(0.013), signedPercent(-0.013), signedPercent(0)]).toEqual([
      "+1.3 %",
      "-1.3 %",
      "0 %",
    ]);
  });

  it.each([
    [420, "420 ms"],
    [3_240, "3.2 s"],
    [59_990, "1 min"],
    [245_000, "4 min 5 s"],
    [7_800_000, "2 h 10 min"],
    [273_600_000, "3 d 4 h"],
    [null, "n/a"],
  ])("writes %s ms as %s", (ms, text) => expect(span(ms)).toBe(text));

  it("writes midnight as the day, another time to the second, and leaves what is no time", () => {
    expect(moment("2025-03-03T00:00:00Z")).toBe("2025-03-03");
    expect(moment("2025-03-03T07:08:09.123Z")).toBe("2025-03-03 07:08:09 UTC");
    expect(moment("soon\u001b")).toBe("soon\ufffd");
  });

  it("replaces what could steer a terminal or turn text around", () => {
    expect(printable("a\u001b[31mb\u0007c\u202ed\ne")).toBe("a\ufffd[31mb\ufffdc\ufffdd\ufffde");
  });

  it("writes the times in a service's text as people read them", () => {
    expect(readable("accepted at 2022-06-22T00:00:00.000Z; next 2022-06-22T04:05:06Z\u001b")).toBe(
      "accepted at 2022-06-22; next 2022-06-22 04:05:06 UTC\ufffd",
    );
  });

  it("makes sentences and lists", () => {
    expect(sentence("it was due")).toBe("It was due.");
    expect(sentence("Really?")).toBe("Really?");
    expect([list([]), list(["a"]), list(["a", "b", "c"])]).toEqual(["", "a", "a, b and c"]);
    expect(shortRun("0195594d-6800-776f-bdd7-69af263711cd")).toBe("263711cd");
  });

  it("draws a bar that never leaves its width", () => {
    expect(bar(1, 4, 8)).toBe("━━────── 1/4");
    expect(bar(9, 4, 8)).toBe("━━━━━━━━ 9/4");
    expect(bar(0, 0, 4)).toBe("──── 0/0");
  });

  it("says honestly whether last value was beaten", () => {
    expect(versusLastValue(0.9, 1)).toEqual({ beats: true, words: "beats last value by 10 %" });
    expect(versusLastValue(1.013, 1)).toEqual({ beats: false, words: "does not beat last value (+1.3 %)" });
    expect(versusLastValue(1, 1)).toEqual({ beats: false, words: "does not beat last value (0 %)" });
    expect(versusLastValue(1, 0)).toBeUndefined();
    expect(versusLastValue(null, 1)).toBeUndefined();
  });

  it.each([
    [0.9, 0.8, 1, true, "beats last value by 10 % and seasonal naive by 20 %"],
    [0.9, 1.013, 1, false, "beats last value by 10 %, but not seasonal naive (+1.3 %)"],
    [1.1, 0.8, 1, false, "beats seasonal naive by 20 %, but not last value (+10 %)"],
    [1.1, 1.013, 1, false, "does not beat last value (+10 %) or seasonal naive (+1.3 %)"],
    [0.9, 0.8, null, true, "beats last value by 10 %"],
    [0.9, 0.8, 0, true, "beats last value by 10 %"],
  ])(
    "names each baseline: %f of last value, %f of seasonal naive (%s)",
    (last, seasonal, naive, beats, words) => {
      const verdict = versusBaselines([
        { baseline: "last value", rmse: last, baselineRmse: 1 },
        { baseline: "seasonal naive", rmse: seasonal, baselineRmse: naive },
      ]);
      expect(verdict).toEqual({ beats, words });
    },
  );
});
