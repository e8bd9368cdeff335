/** The thread behind `tuneInThread`: tunes what it is given, says what came of it, and ends. */
import { parentPort, workerData } from "node:worker_threads";
import { tuneStrategy } from "../../../shared/strategy/tune.ts";
import type { TuneRequest } from "./tune.ts";

const { market, span, strategy } = workerData as TuneRequest;
parentPort!.postMessage(tuneStrategy(market, span, strategy));
