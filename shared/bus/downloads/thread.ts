/** Where a download thread begins: of low priority from its first instruction, for loading its code takes longest. */
import { setPriority } from "node:os";

/** Linux counts it by thread, others by process. Requests are answered first where both want the same core. */
const NICE = 10;

if (process.platform === "linux") setPriority(0, NICE);
await import("./worker.ts");
