/** An external trainer for tests: repeats the last value, unless `params.deed` says what to do wrong. */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { encodeModel, floats, int64s, node, valueInfo } from "../onnx-out/model.ts";
import type { TrainerRequest } from "./contract.ts";

const LEVELS = [0.1, 0.5, 0.9];
const request = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as TrainerRequest;
const deed = String(request.params.deed ?? "nothing");
const { context_length, horizon, dataset } = request;

function lastValue(steps: number): Uint8Array {
  const offsets = Array.from({ length: steps * LEVELS.length }, (_, i) => LEVELS[i % LEVELS.length]! - 0.5);
  const withEntity = deed === "entities";
  const inputs = [valueInfo("context", "float", ["series", context_length])];
  return encodeModel({
    name: "last value",
    inputs: withEntity ? [...inputs, valueInfo("entity", "int64", ["series"])] : inputs,
    constants: [
      int64s("newest", [1], [context_length - 1]),
      int64s("column", [3], [-1, 1, 1]),
      floats("offsets", [1, steps, LEVELS.length], offsets),
      ...(withEntity ? [floats("of entities", [3], [1000, 2000, 3000])] : []),
    ],
    nodes: [
      node("Gather", ["context", "newest"], ["last"], { axis: { int: 1 } }),
      node("Reshape", ["last", "column"], ["wide"]),
      node("Add", ["wide", "offsets"], [withEntity ? "known" : "quantiles"]),
      ...(withEntity
        ? [
            node("Gather", ["of entities", "entity"], ["own"]),
            node("Reshape", ["own", "column"], ["own wide"]),
            node("Add", ["known", "own wide"], ["quantiles"]),
          ]
        : []),
    ],
    outputs: [valueInfo("quantiles", "float", ["series", steps, LEVELS.length])],
  });
}

function write(name: string, content: unknown): void {
  const text = content instanceof Uint8Array ? content : `${JSON.stringify(content)}\n`;
  writeFileSync(`${request.artifact}/${name}`, text);
}

const manifest = {
  ...{ contract: "context-to-quantiles", input: "context", output: "quantiles" },
  ...{ context_length, horizon, quantile_levels: LEVELS },
};

function artifact(): void {
  write("model.onnx", lastValue(horizon));
  write("manifest.json", manifest);
  write("metadata.json", { rows: dataset.steps, metrics: { steps: dataset.steps } });
}

function takeMemory(): void {
  const taken: Buffer[] = [];
  setInterval(() => taken.push(Buffer.alloc(20 * 1024 * 1024, taken.length + 1)), 20);
}

const BYTES = Buffer.alloc(512 * 1024, 7);
const DEEDS: Readonly<Record<string, () => void>> = {
  nothing: artifact,
  "exits 1": () => {
    console.error("first\nthe gradient exploded");
    process.exit(1);
  },
  "refuses parameters": () => process.exit(64),
  "refuses data": () => process.exit(65),
  "asks again": () => process.exit(75),
  kills: () => process.kill(process.pid, "SIGTERM"),
  hangs: () => {
    process.on("SIGTERM", () => {});
    const helper = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" });
    console.log(`helper ${helper.pid}`);
    writeFileSync("started", "");
    setInterval(() => {}, 1_000);
  },
  "leaves a helper": () => {
    artifact();
    spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" }).unref();
  },
  "stops half-way": () => write("model.onnx", lastValue(horizon)),
  "forgets metadata": () => {
    artifact();
    write("metadata.json", { rows: -1 });
  },
  "writes no ONNX": () => {
    artifact();
    write("model.onnx", Buffer.from("<html>"));
  },
  "cuts the model": () => {
    artifact();
    write("model.onnx", lastValue(horizon).subarray(0, 60));
  },
  "has another shape": () => {
    artifact();
    write("model.onnx", lastValue(horizon + 1));
  },
  "has another input": () => {
    artifact();
    write("manifest.json", { ...manifest, input: "history" });
  },
  "sees too near": () => {
    artifact();
    write("manifest.json", { ...manifest, horizon: horizon - 1 });
  },
  "links elsewhere": () => {
    artifact();
    symlinkSync("/etc/hostname", `${request.artifact}/mapping.json`);
  },
  "writes one big file": () => {
    for (let i = 0; i < 8; i += 1) writeFileSync("big", BYTES, { flag: "a" });
  },
  "writes many files": () => {
    mkdirSync("many");
    let n = 0;
    setInterval(() => {
      n += 1;
      writeFileSync(`many/${n}`, BYTES);
    }, 20);
  },
  "talks a lot": () => {
    for (let i = 0; i < 20_000; i += 1) console.log(`line ${i} ${"x".repeat(50)}`);
    process.exitCode = 3;
  },
  "takes memory": takeMemory,
  "takes memory for a long history": dataset.steps > 100 ? takeMemory : artifact,
  entities: () => {
    artifact();
    write("manifest.json", { ...manifest, entity_input: "entity" });
    write("vocabulary.json", dataset.entities.slice(0, 2));
    write("mapping.json", { a: { racks: 2 } });
  },
  "tells what it got": () => {
    artifact();
    const rows = dataset.format === "csv" ? readFileSync(dataset.path, "utf8").trim().split("\n") : [];
    const parent = request.parent === null ? [] : readdirSync(request.parent).sort();
    const env = Object.keys(process.env).sort();
    const shown = { env, request, rows, parent, argv: process.argv.slice(2) };
    write("mapping.json", shown);
  },
};

DEEDS[deed]!();
