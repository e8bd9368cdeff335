import { describe, expect, it } from "vitest";
import { editYaml } from "./yaml.ts";

const text = `# of the whole
a: { x: 1, y: [1, 2, 3] } # beside
e: 5 # five
# above b
b:
  - 1.10   # a fraction
d:
`;
const edit = (...settings: Parameters<typeof editYaml>[2]) => editYaml("f.yaml", text, settings);

describe("an edit of a YAML file", () => {
  it("changes what it names and leaves every other character", () => {
    expect(edit({ path: ["a", "x"], value: 0.25 })).toBe(
      text.replace("{ x: 1, y: [1, 2, 3] }", "{ x: 0.25, y: [ 1, 2, 3 ] }"),
    );
    expect(edit({ path: ["e"], value: 6 })).toBe(text.replace("e: 5 #", "e: 6 #"));
    expect(edit({ path: ["b"], value: [{ k: "v" }] })).toBe(
      text.replace("  - 1.10   # a fraction\n", "  - k: v\n"),
    );
  });

  it("creates what is missing on the way, in an empty field, too", () => {
    expect(edit({ path: ["c", "e"], value: "f" })).toBe(`${text}c:\n  e: f\n`);
    expect(edit({ path: ["d", "e"], value: 1 })).toBe(text.replace("d:\n", "d:\n  e: 1\n"));
    expect(editYaml("f.yaml", "", [{ path: ["a", "b"], value: 1 }])).toBe("a:\n  b: 1\n");
  });

  it("refuses a path through a list, and what is no YAML, naming the file", () => {
    expect(() => edit({ path: ["b", "x"], value: 1 })).toThrow("f.yaml: field 'b' is no mapping");
    expect(() => editYaml("f.yaml", "a: [", [])).toThrow(/^f\.yaml: /);
  });
});
