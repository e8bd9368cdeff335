import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ForecasterSpec } from "./spec.ts";

const read = (over: object) =>
  ForecasterSpec.safeParse({ forecaster: "load", series: "load", horizon: "6h", ...over });

describe("a spec of a whole fleet (C-TRN-1)", () => {
  it("is one forecaster for every entity, learnt from those that C-DAT-1 admits", () => {
    expect(read({ entities: "all" }).data).toMatchObject({
      entities: "all",
      fleet: { min_history: "7d", min_samples: 1000 },
    });
    expect(read({}).data?.entities).toBeUndefined();
  });

  it("has an example that is one", () => {
    const path = join(import.meta.dirname, "../../configs/examples/servers.yaml");
    const spec = ForecasterSpec.parse(parse(readFileSync(path, "utf8")));
    expect(spec).toMatchObject({ entities: "all", model: { family: "gbdt" } });
    expect(spec.trigger).toMatchObject({ fleet: { enabled: true }, unknown_rate: { enabled: true } });
  });

  it.each([
    [{ entities: "all", entity: "a" }, "entities", /either entity, .* or entities: all/],
    [{ entities: "some" }, "entities", /"all"/],
    [{ entities: ["a", "b"] }, "entities", /"all"/],
    [{ entities: "all", fleet: { min_samples: -1 } }, "fleet.min_samples", /0/],
  ])("refuses %j, naming the field", (over, field, message) => {
    const [issue] = read(over).error?.issues ?? [];
    expect(issue?.path.join(".")).toBe(field);
    expect(issue?.message).toMatch(message);
  });
});
