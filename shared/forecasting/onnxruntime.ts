type Runtime = typeof import("onnxruntime-node");

/**
 * From 1.29 on, onnxruntime reports to its makers what is run: names and hashes of models, an identity of the machine,
 * a database of what is not sent yet in the user's home. Forecasters are their owner's business, so nothing of that
 * happens unless ORT_DISABLE_TELEMETRY says otherwise.
 *
 * The library reads the process's own environment when it is loaded. A worker thread has a copy of it: whoever starts
 * one that opens models calls this before.
 */
export function keepRuntimeQuiet(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
}

/** onnxruntime, which tells nobody anything. */
export function onnxruntime(): Promise<Runtime> {
  keepRuntimeQuiet();
  return import("onnxruntime-node");
}
