import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { TelemetryKind } from "../../../shared/contracts/subjects.ts";
import { telemetrySchemas } from "../../../shared/contracts/telemetry.ts";
import { isObviously } from "./obvious.ts";
import { boundsOf, checkRecord } from "./validate.ts";

const NOW = Date.parse("2026-01-10T00:00:00Z");
const bounds = boundsOf([
  ForecasterSpec.parse({ forecaster: "f", series: "usd", horizon: "7d", bounds: { min: 0, max: 2000 } }),
  ForecasterSpec.parse({ forecaster: "g", series: "usd", horizon: "7d", entity: "EUR", bounds: { max: 2 } }),
]);
const observation = (more: object) => ({ ts: "2026-01-01T00:00:00Z", values: { value: 1 }, ...more });
const prediction = (more: object) => ({
  issued_at: "2026-01-01T00:00:00Z",
  target_ts: "2026-12-01T00:00:00Z",
  step: 1,
  mean: 1,
  lower: 0,
  upper: 2,
  known_entity: true,
  model_version: "v1",
  latency_ms: 1,
  ...more,
});

describe("a record on its way into the history (D-BUF-2)", () => {
  for (const [what, kind, record, reason] of [
    ["a good observation", "observation", observation({}), undefined],
    ["an observation with fields nobody knows", "observation", observation({ note: "x" }), undefined],
    ["a value on its bound", "observation", observation({ values: { value: 2000 } }), undefined],
    [
      "a value of another entity",
      "observation",
      observation({ entity: "JPY", values: { value: 9999 } }),
      undefined,
    ],
    ["a time just inside tomorrow", "observation", observation({ ts: "2026-01-11T00:00:00Z" }), undefined],
    ["a target far ahead", "prediction", prediction({}), undefined],
    [
      "a value above its bound",
      "observation",
      observation({ values: { value: 2000.5 } }),
      /values\.value is 2000\.5: expected 0 to 2000/,
    ],
    [
      "a value above the bound of its entity",
      "observation",
      observation({ entity: "EUR", values: { value: 3 } }),
      /expected -Infinity to 2/,
    ],
    [
      "a time in the future",
      "observation",
      observation({ ts: "2026-01-11T00:00:01Z" }),
      /ts is "2026-01-11.*at most a day after/,
    ],
    [
      "a forecast made in the future",
      "prediction",
      prediction({ issued_at: "2027-01-01T00:00:00Z" }),
      /issued_at/,
    ],
    [
      "a time without a zone",
      "observation",
      observation({ ts: "2026-01-01T00:00:00" }),
      /ts is "2026-01-01T00:00:00"/,
    ],
    ["a day that is none", "observation", observation({ ts: "2026-02-30T00:00:00Z" }), /ts/],
    ["null as a value", "observation", observation({ values: { value: null } }), /values\.value is null/],
    [
      "a value that overflows",
      "observation",
      observation({ values: { value: Number.POSITIVE_INFINITY } }),
      /values\.value/,
    ],
    [
      "a value too large to compute with",
      "observation",
      observation({ values: { other: -1e16 } }),
      /values\.other is -10000000000000000: .*1000000000000000/,
    ],
    ["no value", "observation", observation({ values: {} }), /values/],
    ["no time", "observation", { values: { value: 1 } }, /ts is missing/],
    ["an entity with a line break", "observation", observation({ entity: "a\nb" }), /entity/],
    ["a number", "observation", 5, /record/],
    ["a list in a list", "observation", [observation({})], /record/],
    ["a step of 0", "prediction", prediction({ step: 0 }), /step is 0/],
  ] as const satisfies readonly (readonly [string, TelemetryKind, unknown, RegExp | undefined])[]) {
    it(`${reason === undefined ? "takes" : "refuses"} ${what}`, () => {
      const checked = checkRecord(kind, "usd", record, bounds, NOW);
      if (reason === undefined) expect(checked).toEqual({ record });
      else expect(checked).toEqual({ reason: expect.stringMatching(reason) });
    });
  }
});

describe("the short check", () => {
  const odd = fc.oneof(
    fc.constantFrom(
      null,
      "",
      -1,
      0,
      1.5,
      2 ** 60,
      Number.NaN,
      [],
      {},
      { a: "b" },
      { "": 1 },
      true,
      "a\u007fb",
      "x".repeat(201),
      "\u2028",
      "champion",
    ),
    fc.constantFrom(
      "2026-02-28T23:59:59Z",
      "2026-02-29T00:00:00Z",
      "2026-13-01T00:00:00Z",
      "2026-01-01T24:00:00Z",
      "2026-01-01T00:00:60Z",
      "2026-01-01T00:00Z",
      "2026-01-01T00:00:00.1234567Z",
      "2026-01-01T00:00:00+01:00",
    ),
    fc.jsonValue(),
  );

  for (const [kind, good] of [
    ["observation", observation({ entity: "a" })],
    ["prediction", prediction({ entity: "a", quantiles: { "0.5": 1 }, variant: "challenger" })],
  ] as const) {
    it(`takes no ${kind} that the contract refuses, and leaves it as the contract reads it`, () => {
      expect(isObviously(kind, good)).toBe(true);
      const changed = fc
        .tuple(fc.constantFrom(...Object.keys(good), "more"), odd)
        .map(([field, value]) => ({ ...good, [field]: value }));
      fc.assert(
        fc.property(fc.oneof(changed, odd), (record) => {
          if (!isObviously(kind, record)) return;
          expect(telemetrySchemas[kind].parse(record)).toEqual(record);
        }),
        { seed: 1, numRuns: 3_000 },
      );
    });
  }
});
