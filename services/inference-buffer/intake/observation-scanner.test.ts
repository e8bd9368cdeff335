import { describe, expect, it } from "vitest";
import { Observation } from "../../../shared/contracts/telemetry.ts";
import { seeded } from "../../../test/support/seeded.ts";
import { ObservationScanner } from "./observation-scanner.ts";

const scanner = new ObservationScanner();
const scan = (text: string) => scanner.scan(Buffer.from(text));

/** What the scanner has read, as records. */
function read(): Observation[] {
  return Array.from({ length: scanner.count }, (_, i) => {
    const names = Array.from(
      { length: scanner.firsts[i + 1]! - scanner.firsts[i]! },
      (_, v) => scanner.firsts[i]! + v,
    );
    return {
      ts: new Date(scanner.times[i]!).toISOString(),
      ...(scanner.entities[i]! < 0 ? {} : { entity: scanner.nameAt(scanner.entities[i]!) }),
      values: Object.fromEntries(names.map((v) => [scanner.nameAt(scanner.metrics[v]!), scanner.values[v]!])),
    };
  });
}

/** The same by the ordinary way. @throws where JSON or the contract refuse it */
function parse(text: string): Observation[] {
  const payload: unknown = JSON.parse(text);
  return (Array.isArray(payload) ? payload : [payload]).map((record) => {
    const parsed = Observation.parse(record);
    return { ...parsed, ts: new Date(parsed.ts).toISOString() };
  });
}

const TS = '"ts":"2026-03-01T00:00:00Z"';
const record = (values: string, ts = TS) => `{${ts},"entity":"a","values":{${values}}}`;

describe("the scanner of observations", () => {
  for (const text of [
    record('"cpu":0.5,"mem":3'),
    `[${record('"cpu":-1')},${record('"cpu":0')}]`,
    ` [ { "values" : { "a b" : 1 } , "ts" : "2024-02-29T23:59:59.123456Z" } ]\n`,
    ...[
      "0",
      "-0",
      "12.5",
      "0.1",
      "1e3",
      "-2.5E-3",
      "123456789012345",
      "0.30000000000000004",
      "1e-320",
      "1000000000000000",
    ].map((n) => record(`"v":${n}`)),
  ]) {
    it(`reads ${text.trim()}`, () => {
      expect(scan(text)).toBe(true);
      expect(read()).toEqual(parse(text));
    });
  }

  for (const [why, text] of [
    ["an escape", record('"v":1').replace('"a"', '"a\\u0041"')],
    ["a letter beyond ASCII", record('"v":1').replace('"a"', '"ä"')],
    ["another field", record('"v":1').replace("{", '{"note":1,')],
    ["a field twice", record('"v":1').replace("{", `{${TS},`)],
    ["a metric twice", record('"v":1,"v":2')],
    ["no metric", record("")],
    ["a nameless metric", record('"":1')],
    ["an empty entity", record('"v":1').replace('"a"', '""')],
    ["no time", record('"v":1').replace(`${TS},`, "")],
    ["a day that is none", record('"v":1', '"ts":"2026-02-29T00:00:00Z"')],
    ["an hour that is none", record('"v":1', '"ts":"2026-02-28T24:00:00Z"')],
    ["an offset", record('"v":1', '"ts":"2026-02-28T00:00:00+01:00"')],
    ["a text for a value", record('"v":"1"')],
    ["null", record('"v":null')],
    ["NaN", record('"v":NaN')],
    ["a leading zero", record('"v":01')],
    ["a bare point", record('"v":1.')],
    ["a bare exponent", record('"v":1e')],
    ["a value out of all bounds", record('"v":1e16')],
    ["a comma at the end", `[${record('"v":1')},]`],
    ["an end that is missing", `[${record('"v":1')}`],
    ["something after the end", `${record('"v":1')}x`],
    ["nothing", ""],
    ["a number", "1"],
  ] as const) {
    it(`leaves ${why} to the contract`, () => expect(scan(text)).toBe(false));
  }

  it("accepts nothing that the contract refuses, and means the same, whatever the bytes", () => {
    const random = seeded(11);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
    const digits = (n: number) => Array.from({ length: n }, () => Math.floor(random() * 10)).join("");
    const number = () =>
      pick([
        () => `${pick(["", "-"])}${Math.floor(random() * 1000)}`,
        () => `${pick(["", "-"])}${Math.floor(random() * 100)}.${digits(1 + Math.floor(random() * 20))}`,
        () => `${digits(Math.floor(1 + random() * 20))}`,
        () => `${Math.floor(random() * 10)}.${digits(3)}e${pick(["", "-", "+"])}${Math.floor(random() * 30)}`,
        () => String((random() - 0.5) * 10 ** (random() * 40 - 20)),
      ])();
    const two = (most: number) => String(Math.floor(random() * most)).padStart(2, "0");
    const time = () =>
      `"${pick(["2024", "1999", "2020", "0020"])}-${two(13)}-${two(30)}T${two(24)}:${two(60)}:${two(60)}${pick(["", "", "", ".5", ".123", ".123456", ".1234567", "."])}Z"`;
    const space = () => pick(["", "", "", " ", "\n\t"]);
    const name = () =>
      JSON.stringify(
        pick([
          "a",
          "b",
          "c",
          "d",
          "cpu",
          "server-1",
          "__proto__",
          "x y",
          "é",
          "\\",
          '"',
          "\u007f",
          "7",
          "constructor",
        ]),
      );
    const values = () =>
      `{${Array.from({ length: random() < 0.1 ? 0 : 1 + Math.floor(random() * 3) }, () => `${space()}${name()}${space()}:${number()}`).join(",")}}`;
    const one = () => {
      const fields = [
        `"ts"${space()}:${time()}`,
        ...(random() < 0.7 ? [`"entity":${space()}${name()}`] : []),
        `"values":${values()}`,
      ];
      if (random() < 0.3) fields.reverse();
      return `{${fields.join(`${space()},`)}${space()}}`;
    };
    const message = () =>
      random() < 0.3 ? one() : `[${Array.from({ length: 1 + Math.floor(random() * 3) }, one).join(",")}]`;
    let accepted = 0;
    for (let n = 0; n < 30_000; n++) {
      const bytes = Buffer.from(message());
      if (random() < 0.3) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      if (!scanner.scan(bytes)) continue;
      accepted += 1;
      expect(read(), bytes.toString()).toEqual(parse(bytes.toString()));
    }
    expect(accepted).toBeGreaterThan(1_000);
  });
});
