import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unpackFiles } from "../bundle/archive.ts";
import { ModelMismatchError } from "../manifest.ts";
import { levelGraph } from "../onnx-graphs.fixture.ts";
import { openChronosT5 } from "./family.ts";
import { packModelFolder } from "./model-files.ts";
import { RANDOM_T5 } from "./reference.fixture.ts";

const NAMES = ["config.json", "decoder_model_merged.onnx", "encoder_model.onnx"];

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "retune-t5-"));
});
afterAll(() => rm(home, { recursive: true }));

interface Config {
  [field: string]: unknown;
  chronos_config: Record<string, unknown>;
}

/** A copy of the fixture, to be spoilt. */
async function copied(spoil: (folder: string) => Promise<void> = async () => {}): Promise<string> {
  const folder = await mkdtemp(join(home, "model-"));
  for (const name of NAMES) await cp(join(RANDOM_T5, name), join(folder, name));
  await spoil(folder);
  return folder;
}

async function editConfig(folder: string, edit: (config: Config) => void): Promise<void> {
  const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8")) as Config;
  edit(config);
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
}

describe("an export folder of chronos-t5", () => {
  it("is packed into one file of the three that matter, the same bytes each time", async () => {
    const packed = await packModelFolder(RANDOM_T5);
    expect([...unpackFiles(packed, "t5").keys()]).toEqual(NAMES);
    expect(await packModelFolder(await copied())).toEqual(packed);
  });

  it("may have its graphs in a subfolder, as on the Hub", async () => {
    const folder = await copied(async (at) => {
      await mkdir(join(at, "onnx"));
      for (const name of NAMES.slice(1)) await rename(join(at, name), join(at, "onnx", name));
    });
    expect(await packModelFolder(folder)).toEqual(await packModelFolder(RANDOM_T5));
  });

  it("forecasts alike as folder, packed file and bytes", async () => {
    const packed = await packModelFolder(RANDOM_T5);
    const path = join(home, "packed.zip");
    await writeFile(path, packed);
    const context = Float32Array.from({ length: 20 }, (_, t) => t % 4);
    const spec = { horizon: 3, context_length: 20, num_samples: 4, temperature: 1, seed: 1 };
    const forecasts = [];
    for (const source of [RANDOM_T5, path, packed]) {
      const model = await openChronosT5(source);
      forecasts.push(await model.predictQuantiles([context], spec));
      await model.release();
    }
    expect(forecasts[1]).toEqual(forecasts[0]);
    expect(forecasts[2]).toEqual(forecasts[0]);
  });

  it("names the knobs that hold where a spec names none", async () => {
    const model = await openChronosT5(
      await copied((at) =>
        editConfig(at, (c) => {
          c.chronos_config.top_k = 1;
        }),
      ),
    );
    const context = Float32Array.from({ length: 20 }, (_, t) => t % 4);
    const spec = { horizon: 3, context_length: 20, num_samples: 4, temperature: 1, seed: 1 };
    const [own] = await model.predictQuantiles([context], spec);
    expect(own!.drawn!.lower).toEqual(own!.drawn!.upper);
    const [given] = await model.predictQuantiles([context], { ...spec, model_params: { top_k: 100 } });
    expect(given!.drawn!.lower).not.toEqual(given!.drawn!.upper);
    await model.release();
  });

  it("is refused above a size, before it is read", async () => {
    await expect(packModelFolder(RANDOM_T5, 1000)).rejects.toThrow(/bytes of model, at most 1000 are taken/);
  });

  it("is refused when a file is a link that leads out of it", async () => {
    const folder = await copied(async (at) => {
      await rm(join(at, "config.json"));
      await symlink(join(RANDOM_T5, "config.json"), join(at, "config.json"));
    });
    await expect(packModelFolder(folder)).rejects.toThrow(
      /'config.json' in folder '.*' is a link that leads out/,
    );
  });
});

describe("a chronos-t5 model that cannot be used", () => {
  const tiny = levelGraph({ context: ["b", 16], block: [4, 9], offset: () => 0 });
  it.each<[string, (folder: string) => Promise<void>, RegExp]>([
    [
      "lacks a file",
      (at) => rm(join(at, NAMES[1]!)),
      /has no decoder_model_merged\.onnx, expected the files of `optimum-cli/,
    ],
    [
      "has a truncated encoder",
      (at) => truncate(join(at, NAMES[2]!), 50_000),
      /encoder of '.*' is truncated or damaged/,
    ],
    [
      "has a truncated decoder",
      (at) => truncate(join(at, NAMES[1]!), 50_000),
      /decoder of '.*' is truncated or damaged/,
    ],
    ["has an empty decoder", (at) => truncate(join(at, NAMES[1]!), 0), /decoder of '.*' is empty/],
    [
      "has text as its encoder",
      (at) => writeFile(join(at, NAMES[2]!), "a model"),
      /encoder of '.*' is not an ONNX file/,
    ],
    [
      "has another graph as its encoder",
      (at) => writeFile(join(at, NAMES[2]!), tiny),
      /encoder of '.*' has inputs context, expected input_ids and attention_mask/,
    ],
    [
      "has another graph as its decoder",
      (at) => writeFile(join(at, NAMES[1]!), tiny),
      /decoder of '.*' has no input input_ids, so it is no merged decoder/,
    ],
    [
      "has its graphs swapped",
      (at) => cp(join(at, NAMES[1]!), join(at, NAMES[2]!)),
      /encoder of '.*' has inputs/,
    ],
    [
      "has a config that is no JSON",
      (at) => writeFile(join(at, "config.json"), "{"),
      /config\.json of '.*' cannot be used/,
    ],
    [
      "has a config of another tokenizer",
      (at) =>
        editConfig(at, (c) => {
          c.chronos_config.tokenizer_class = "Other";
        }),
      /MeanScaleUniformBins/,
    ],
    [
      "has a config of a causal model",
      (at) =>
        editConfig(at, (c) => {
          c.chronos_config.model_type = "causal";
        }),
      /seq2seq/,
    ],
    [
      "has a config without n_tokens",
      (at) =>
        editConfig(at, (c) => {
          delete c.chronos_config.n_tokens;
        }),
      /n_tokens/,
    ],
    [
      "is no Chronos at all",
      (at) =>
        editConfig(at, (c) => {
          Reflect.deleteProperty(c, "chronos_config");
        }),
      /chronos_config/,
    ],
    [
      "has bins upside down",
      (at) =>
        editConfig(at, (c) => {
          c.chronos_config.tokenizer_kwargs = { low_limit: 20, high_limit: 15 };
        }),
      /high_limit above low_limit/,
    ],
    [
      "has fewer tokens than its vocabulary",
      (at) =>
        editConfig(at, (c) => {
          c.chronos_config.n_tokens = 100;
        }),
      /as many as chronos_config\.n_tokens/,
    ],
    [
      "promises a vocabulary its graph has not",
      (at) =>
        editConfig(at, (c) => {
          c.vocab_size = c.chronos_config.n_tokens = 4096;
        }),
      /logits \[.*,256\], config\.json \(vocab_size\) promises \[any,any,4096\]/,
    ],
    [
      "promises another width",
      (at) =>
        editConfig(at, (c) => {
          c.d_model = 32;
        }),
      /last_hidden_state \[.*,24\], config\.json \(d_model\) promises/,
    ],
    [
      "promises more layers",
      (at) =>
        editConfig(at, (c) => {
          c.num_decoder_layers = 6;
        }),
      /caches 8 tensors, config\.json has 6 decoder layers, expected 24/,
    ],
    [
      "promises other heads",
      (at) =>
        editConfig(at, (c) => {
          c.num_heads = 4;
        }),
      /num_heads and d_kv/,
    ],
  ])("is refused when it %s", async (_, spoil, words) => {
    const error: unknown = await openChronosT5(await copied(spoil)).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ModelMismatchError);
    expect(error).toMatchObject({ disposition: "terminate", message: expect.stringMatching(words) });
  });

  it.each<[string, () => Promise<string | Uint8Array>, RegExp]>([
    ["is no ZIP", async () => new TextEncoder().encode("PK no"), /is no bundle/],
    ["is missing", async () => join(home, "absent"), /absent' cannot be read: ENOENT/],
    [
      "is a Bolt model",
      async () => new URL("../../../models/tiny-bolt/model.onnx", import.meta.url).pathname,
      /is no bundle/,
    ],
  ])("is refused when its file %s", async (_, make, words) => {
    const error: unknown = await openChronosT5(await make()).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ModelMismatchError);
    expect(error).toMatchObject({ message: expect.stringMatching(words) });
  });
});
