import { describe, expect, it } from "vitest";
import { ModelMismatchError } from "../manifest.ts";
import { type Bundle, bundleFile, packBundle, readBundle } from "./bundle.ts";

const bundle: Bundle = {
  info: {
    format: 1,
    family: "linear",
    params: { context_length: 30 },
    seed: 3,
    trained_on: { from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z", entities: 2, rows: 60 },
    vocabulary: ["web-1", "web-2"],
    parent: null,
    code_version: "0.1.0",
  },
  files: new Map([
    ["model.onnx", Uint8Array.of(1, 2, 3)],
    ["manifest.json", Uint8Array.of(123, 125)],
  ]),
};

describe("bundles: weights, vocabulary, mapping and metadata as one artifact (C-TRN-1)", () => {
  it("are read as they were packed", () => {
    expect(readBundle(packBundle(bundle), "b")).toEqual(bundle);
  });

  it("are the same bytes for the same content, whatever the order of the files", () => {
    const turned = { ...bundle, files: new Map([...bundle.files].reverse()) };
    expect(packBundle(turned)).toEqual(packBundle(bundle));
  });

  it.each([
    ["no ZIP", Uint8Array.of(8, 8, 8), /'b' is no bundle/],
    ["half a bundle", packBundle(bundle).slice(0, 200), /'b' is no bundle/],
    ["another ZIP", withoutInfo(), /bundle 'b' has no bundle.json/],
    [
      "a wrong field",
      packBundle({ ...bundle, info: { ...bundle.info, seed: 0.5 } }),
      /bundle.json of bundle 'b'.*seed/s,
    ],
  ])("%s is refused by name", (_, bytes, fault) => {
    expect(() => readBundle(bytes, "b")).toThrow(ModelMismatchError);
    expect(() => readBundle(bytes, "b")).toThrow(fault);
  });

  it("name the file they lack", () => {
    expect(() => bundleFile(bundle, "trees.onnx", "b")).toThrow(/bundle 'b' has no trees.onnx.*'linear'/);
  });
});

/** The same archive whose `bundle.json` has another name of the same length. */
function withoutInfo(): Uint8Array {
  const text = Buffer.from(packBundle(bundle)).toString("latin1").replaceAll("bundle.json", "bundla.json");
  return Uint8Array.from(Buffer.from(text, "latin1"));
}
