import { describe, expect, it } from "vitest";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { parseSetting, withSettings } from "./settings.ts";

const spec = ForecasterSpec.parse({ forecaster: "usdclp-7d", series: "usdclp", horizon: "7d" });

describe("a changed setting", () => {
  it.each([
    ["trigger.performance.threshold=0.10", ["trigger", "performance", "threshold"], 0.1],
    ["trigger.cooldown=7d", ["trigger", "cooldown"], "7d"],
    ["search.space.context_length=[30,90]", ["search", "space", "context_length"], [30, 90]],
    ["enabled=false", ["enabled"], false],
    ["description=a=b", ["description"], "a=b"],
  ])("%s", (text, path, value) => {
    expect(parseSetting(text)).toEqual({ path, value });
  });

  it.each(["", "threshold", "=1", "trigger..threshold=1"])("'%s' is refused with an example", (text) => {
    expect(() => parseSetting(text)).toThrow(/expected path=value, as trigger/);
  });

  it("changes the spec and nothing else of it, and leaves the given one alone", () => {
    const before = structuredClone(spec);
    const changed = withSettings(spec, [parseSetting("trigger.performance.threshold=0.1")]);
    expect(changed).toEqual({
      ...spec,
      trigger: { ...spec.trigger, performance: { ...spec.trigger.performance, threshold: 0.1 } },
    });
    expect(spec).toEqual(before);
  });

  it("that makes no spec is refused by name", () => {
    expect(() => withSettings(spec, [parseSetting("trigger.performance.treshold=0.1")])).toThrow(
      /spec of 'usdclp-7d' with trigger.performance.treshold=0.1: field 'trigger.performance'.*treshold/,
    );
    expect(() => withSettings(spec, [parseSetting("trigger.cooldown=soon")])).toThrow(/trigger.cooldown/);
  });
});
