import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../../../shared/errors.ts";
import { parseRequests } from "./requests.ts";

const parse = (text: string) => parseRequests(new TextEncoder().encode(text), "retrain.request");

describe("payloads of retrain.request (K-4)", () => {
  it.each([
    ["nothing", "", [undefined]],
    ["white space", " \n", [undefined]],
    ["an empty object", "{}", [undefined]],
    ["a bare id", "usdclp-7d", ["usdclp-7d"]],
    ["a bare id with the newline of a shell", "usdclp-7d\n", ["usdclp-7d"]],
    ["a quoted id", '"usdclp-7d"', ["usdclp-7d"]],
    ["an object", '{"forecaster":"a","unknown":1}', ["a"]],
    ["an array of both", '[{"forecaster":"a"},"b"]', ["a", "b"]],
  ])("%s is understood", (_, text, forecasters) => {
    const requests = parse(text);
    expect(requests.map(({ forecaster }) => forecaster)).toEqual(forecasters);
    expect(requests.every(({ action }) => action === "search")).toBe(true);
  });

  it.each([
    ["half an object", '{"forecaster":', "is no JSON"],
    ["a path", "../../etc/passwd", "is no JSON"],
    ["an id with a dot", '{"forecaster":"a.b"}', "field 'forecaster': expected 1 to 64"],
    ["an unknown action", '{"action":"dance"}', "field 'action'"],
    ["a bad item of an array", '[{"forecaster":"a"},{"priority":"urgent"}]', "field '[1].priority'"],
    ["an empty array", "[]", "is an array of 0"],
    ["a quoted nothing", '""', "field 'forecaster'"],
    ["bytes that are no text", "\u0000\u0001", "is no JSON"],
  ])("%s is refused with subject, fault and what was expected", (_, text, fault) => {
    expect(() => parse(text)).toThrow(InvalidInputError);
    expect(() => parse(text)).toThrow(fault);
    expect(() => parse(text)).toThrow(/payload on 'retrain.request'.*expected/s);
  });
});
