/** What the reference implementation answers, as models/random-t5/recipe/reference.py prints it. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

export const RANDOM_T5 = fileURLToPath(new URL("../../../models/random-t5/", import.meta.url));

type Values = readonly (number | null)[];

export interface Reference {
  readonly series: { readonly wave: Values; readonly gaps: Values };
  /** SHA-256 of the float32 tables, little-endian */
  readonly tables: readonly { n_tokens: number; centers: string; boundaries: string }[];
  readonly tokens: readonly {
    name: string;
    values: Values;
    tokens: number[];
    mask: number[];
    scale: number;
  }[];
  readonly logits: { values: Values; forced: number[]; logits: number[][] };
  readonly forecasts: readonly {
    horizon: number;
    num_samples: number;
    temperature: number;
    top_k: number;
    top_p: number;
    /** tokens left to draw from, for each path's first step */
    kept: number[];
    /** [series, samples, horizon] */
    samples: number[][][];
    levels: number[];
    /** [series, horizon, levels] */
    quantiles: number[][][];
    /** [series, horizon] */
    mean: number[][];
  }[];
}

/** The numbers that the reference's draws are inverted at; step counts over the whole horizon. */
export function referenceUniform(series: number, path: number, step: number): number {
  return (0.5 + 0.6180339887498949 * (path + 1) + 0.41421356237 * (step + 1) + 0.27 * series) % 1;
}

export function seriesOf(values: Values): Float32Array {
  return Float32Array.from(values, (value) => value ?? Number.NaN);
}

export async function recordedReference(): Promise<Reference> {
  return JSON.parse(await readFile(`${RANDOM_T5}reference.json`, "utf8")) as Reference;
}

/** Asks chronos-forecasting itself; a text says why it cannot be asked. */
export function liveReference(): Promise<Reference | string> {
  const python = process.env.RETUNE_PYTHON;
  if (!python) return Promise.resolve("RETUNE_PYTHON names no Python with chronos-forecasting");
  const options = { maxBuffer: 2 ** 26, env: { ...process.env, OMP_NUM_THREADS: "1" } };
  return new Promise((resolve, reject) => {
    execFile(python, [`${RANDOM_T5}recipe/reference.py`], options, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout) as Reference);
      else if (/ModuleNotFoundError|ENOENT/.test(stderr + error.message))
        resolve(`${python}: ${stderr.trim().split("\n").at(-1) || error.message}`);
      else reject(error);
    });
  });
}
