import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunSummary } from "../../../shared/contracts/run.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import { newUuidV7 } from "../../../shared/ids.ts";
import type { Stage } from "./demo.ts";
import type { RunWatch } from "./run-watch.ts";
import { skewModel } from "./skewed-model.ts";

const REASON = "demo: a damaged model is deployed with the safety limits switched off";

type Phase = "waiting" | "asked" | "deployed" | "over";

/** Days on which the page still tells how it ended. */
const EPILOGUE_DAYS = 12;
/** Days after which a request that started no run counts as refused. */
const PATIENCE_DAYS = 2;

/**
 * The one thing that is staged: somebody points a forecaster's spec at a damaged model, switches the
 * validator's limits off and asks for a run. From there on everything is the system's own doing: it deploys,
 * sees the scores, and rolls back. The spec is put back as soon as the damaged model is live.
 */
export class FaultInjection {
  private readonly stage: Stage;
  private readonly forecaster: string;
  private phase: Phase = "waiting";
  private original: ForecasterSpec | undefined;
  private run: string | undefined;
  private asked = 0;
  private ending = "";
  private epilogue = 0;

  constructor(stage: Stage, forecaster: string) {
    this.stage = stage;
    this.forecaster = forecaster;
  }

  /** Whether the fault is on its way or live. */
  isOn(): boolean {
    return this.phase === "asked" || this.phase === "deployed";
  }

  /** What the page says about it; null when there is nothing to say. */
  sentence(): string | null {
    if (this.phase === "asked") {
      return `Fault injection: someone switched the safety limits of ${this.forecaster} off and asked for a damaged model.`;
    }
    if (this.phase === "deployed") {
      return `Fault injection: the damaged model of ${this.forecaster} is live. Nobody will touch it; watch the scores.`;
    }
    return this.epilogue > 0 ? this.ending : null;
  }

  nextCommand(): string | null {
    if (this.run === undefined || this.sentence() === null) return null;
    return `npm run -s retune -- why ${this.run.slice(-8)}`;
  }

  /** Called once a day; does at most one thing. */
  async step(runs: RunWatch): Promise<void> {
    if (this.phase === "waiting" && !runs.busy(this.forecaster)) await this.ask();
    else if (this.phase === "asked") {
      const found = runs.requested(this.forecaster, REASON);
      this.run ??= found?.run_id;
      const state = this.run === undefined ? undefined : runs.find(this.run)?.state;
      this.asked += 1;
      if (state === undefined && this.asked > PATIENCE_DAYS) {
        // Another run was faster, and the request was refused: try again on another day.
        await this.putBack();
        this.phase = "waiting";
      }
      if (state === undefined || state === "accepted" || state === "searched" || state === "approved") return;
      await this.putBack();
      this.phase = state === "deployed" ? "deployed" : "over";
    } else if (this.phase === "deployed") {
      const run = runs.find(this.run!);
      if (run?.terminal) this.end(run);
    } else this.epilogue -= 1;
  }

  private end(run: RunSummary): void {
    this.phase = "over";
    this.epilogue = EPILOGUE_DAYS;
    const { reasons } = run.steps.at(-1)!.data as { reasons?: readonly string[] };
    this.ending =
      run.state === "rolled-back"
        ? `The damaged model of ${this.forecaster} was rolled back, and nobody touched it: ${reasons?.[0] ?? ""}.`
        : `The damaged model of ${this.forecaster} ended ${run.state}.`;
  }

  private async ask(): Promise<void> {
    const { bus, dirs } = this.stage;
    const specs = bus.kv("specs", ForecasterSpec);
    const entry = await specs.get(this.forecaster);
    if (entry?.value.model.path === undefined)
      throw new InvalidInputError(`no spec with a model for '${this.forecaster}'`);
    this.original = entry.value;
    const path = join(dirs.data, "damaged-model.onnx");
    await writeFile(path, skewModel(await readFile(join(dirs.root, entry.value.model.path))));
    const off = {
      min_rmse_improvement: -1e3,
      min_mape_improvement: -1e3,
      max_std_ratio: 1e6,
      max_time_ratio: 1e6,
      min_coverage: 0,
      max_abs_bias: 1e6,
    };
    const damaged = {
      ...entry.value,
      model: { ...entry.value.model, path },
      search: {
        ...entry.value.search,
        space: { context_length: [180], num_samples: [100], temperature: [1] },
      },
      validation: { ...entry.value.validation, ...off },
    };
    await specs.update(this.forecaster, damaged, entry.revision);
    const request = { forecaster: this.forecaster, reason: REASON, requested_by: "fault injection" };
    await bus.store("retrain.request", JSON.stringify(request), newUuidV7());
    this.phase = "asked";
    this.asked = 0;
  }

  private async putBack(): Promise<void> {
    if (this.original !== undefined)
      await this.stage.bus.kv("specs", ForecasterSpec).put(this.forecaster, this.original);
  }
}
