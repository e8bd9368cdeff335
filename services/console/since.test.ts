import { describe, expect, it } from "vitest";
import { parseSince } from "./since.ts";

const NOW = Date.parse("2026-03-15T12:00:00Z");

describe("--since", () => {
  it.each([
    ["90m", "2026-03-15T10:30:00.000Z"],
    ["14d", "2026-03-01T12:00:00.000Z"],
    ["2026-03-01", "2026-03-01T00:00:00.000Z"],
    ["2026-03-01T06:30", "2026-03-01T06:30:00.000Z"],
    ["2026-03-01T06:30:00Z", "2026-03-01T06:30:00.000Z"],
    ["2026-03-01T06:30:00+02:00", "2026-03-01T04:30:00.000Z"],
  ])("reads %s as %s", (text, at) => expect(parseSince(text, NOW).toISOString()).toBe(at));

  it.each(["banana", "", "14", "2026-13-45", "yesterday"])("refuses '%s' with an example", (text) => {
    expect(() => parseSince(text, NOW)).toThrow(
      `--since is '${text}', expected a duration such as 90m or 14d`,
    );
  });
});
