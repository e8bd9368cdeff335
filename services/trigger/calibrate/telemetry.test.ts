import { expect, it } from "vitest";
import { specWith } from "../judgement/situation.fixture.ts";
import { readingsOf } from "./telemetry.ts";

it("readings are the same whether the metrics of a time come in one record or in several", () => {
  const spec = specWith({});
  const ts = (day: number) => new Date(Date.UTC(2025, 0, 1 + day)).toISOString();
  const days = Array.from({ length: 5 }, (_, day) => day);
  const joined = days.map((day) => ({ ts: ts(day), values: { [spec.metric]: day, other: 1 } }));
  const split = days.flatMap((day) => [
    { ts: ts(day), values: { [spec.metric]: day } },
    { ts: ts(day), values: { other: 1 } },
  ]);
  const readings = readingsOf(joined, spec);
  expect(readings.size).toBe(5);
  expect(readingsOf(split, spec)).toEqual(readings);
  const corrected = [...split, { ts: ts(4), values: { [spec.metric]: 9 } }];
  expect(readingsOf(corrected, spec).get(Date.parse(ts(4)))).toMatchObject([{ value: 9 }]);
});
