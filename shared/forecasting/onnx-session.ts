import { open } from "node:fs/promises";
import type { InferenceSession } from "onnxruntime-node";
import { explain } from "../errors.ts";
import { ModelMismatchError } from "./manifest.ts";
import { onnxruntime } from "./onnxruntime.ts";

export interface SessionOptions {
  /** Threads of one run; 1 unless told. */
  readonly threads?: number | undefined;
  /**
   * false: the graph runs as the file has it, which loads in three fifths of the time. On a graph whose constants are
   * folded the optimisations gain a run nothing measurable, on others a tenth. What is left is in proportion to the
   * graph's nodes rather than its weights, and a quarter less where the file states the shapes between them.
   */
  readonly optimise?: boolean | undefined;
}

/**
 * Opens an ONNX file. The caller owns the session and releases it.
 *
 * @param source the file's bytes or its path
 * @param name   what to call it in errors
 * @throws {ModelMismatchError} when the file is missing, empty, damaged or no ONNX graph
 */
export async function createSession(
  source: Uint8Array | string,
  name: string,
  { threads = 1, optimise = true }: SessionOptions = {},
): Promise<InferenceSession> {
  const { InferenceSession: sessions } = await onnxruntime();
  const firstByte = typeof source === "string" ? await readFirstByte(source, name) : source[0];
  if (firstByte === undefined) throw new ModelMismatchError(`${name} is empty`);
  // Spinning threads starve their neighbours on shared cores.
  const extra = { session: { "intra_op.allow_spinning": "0" } };
  const settings = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: optimise ? ("all" as const) : ("disabled" as const),
    logSeverityLevel: 4 as const,
    extra,
  };
  try {
    return await (typeof source === "string"
      ? sessions.create(source, settings)
      : sessions.create(source, settings));
  } catch (cause) {
    // Exporters write the field ir_version first, whose protobuf key is byte 8.
    const guess =
      firstByte === 8
        ? "is truncated or damaged, or needs operators this runtime lacks"
        : "is not an ONNX file";
    throw new ModelMismatchError(`${name} ${guess} (${explain(cause)})`, { cause });
  }
}

async function readFirstByte(path: string, name: string): Promise<number | undefined> {
  try {
    await using file = await open(path);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(1), 0, 1, 0);
    return bytesRead === 0 ? undefined : buffer[0];
  } catch (cause) {
    throw new ModelMismatchError(`${name} cannot be read: ${explain(cause)}`, { cause });
  }
}
