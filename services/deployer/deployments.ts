import type { Message } from "../../shared/bus/message.ts";
import { Trialled } from "../../shared/contracts/ab-tester.ts";
import type { Deployed } from "../../shared/contracts/deployer.ts";
import { type CloudEvent, type StepData, stepType } from "../../shared/contracts/envelope.ts";
import type { Failed } from "../../shared/contracts/failed.ts";
import { parseStepSubject, subjects } from "../../shared/contracts/subjects.ts";
import { nextStage, Validated } from "../../shared/contracts/validator.ts";
import { explain, RetuneError, UnavailableError } from "../../shared/errors.ts";
import { newEvent } from "../../shared/events.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { SpecStore } from "../../shared/specs.ts";
import { deploy } from "./deploy.ts";
import { KeyedQueue } from "./keyed-queue.ts";
import { parseStep } from "./parse-step.ts";
import type { LivePorts } from "./ports.ts";
import { isOf, withdraw } from "./restore.ts";
import type { Watcher } from "./watcher.ts";

/** Deliveries after which a run that cannot be deployed is ended instead of left open, unless its config is live. */
export const MAX_DELIVERIES = 8;

/** Why a run was ended that could not be deployed in all its deliveries: its message becomes a dead letter. */
class GivenUpError extends RetuneError {
  readonly disposition = "terminate";
}

/** From an `approved` (or, after a shadow stage, `trialled`) message to `deployed` or `failed`. */
export class Deployments {
  readonly counts = { deployed: 0, failed: 0 };
  private readonly context: ServiceContext;
  private readonly ports: LivePorts;
  private readonly specs: SpecStore;
  private readonly watcher: Pick<Watcher, "begin">;
  private readonly queue = new KeyedQueue();

  constructor(context: ServiceContext, ports: LivePorts, specs: SpecStore, watcher: Pick<Watcher, "begin">) {
    this.context = context;
    this.ports = ports;
    this.specs = specs;
    this.watcher = watcher;
  }

  /** `retrain.approved.>`: deploys, unless the validator has put a shadow stage first. */
  approved(message: Message): Promise<void> {
    return this.orFail(message, async () => {
      const approval = parseStep(message, Validated);
      const { forecaster, run_id: run } = approval.data;
      if (nextStage(approval.data, this.specs.get(forecaster)?.shadow.enabled) === "trial") {
        this.context.log.info({ forecaster, run }, "approved; waits for its shadow stage");
        return;
      }
      await this.deploy(approval, [message.sequence]);
    });
  }

  /** `retrain.trialled.>`: deploys what its shadow stage recommends. */
  trialled(message: Message): Promise<void> {
    return this.orFail(message, async () => {
      const { data: trial } = parseStep(message, Trialled);
      if (trial.outcome !== "promote") return;
      const subject = subjects.step("approved", trial.forecaster, trial.run_id);
      const approval = await this.context.bus.lastMessage("DECISIONS", subject);
      if (approval === undefined) throw new UnavailableError(`'${subject}' of the trialled run is missing`);
      await this.deploy(parseStep(approval, Validated), [approval.sequence, message.sequence]);
    });
  }

  idle(): Promise<void> {
    return this.queue.idle();
  }

  private deploy(approval: CloudEvent<Validated>, causedBy: readonly number[]): Promise<void> {
    const { forecaster } = approval.data;
    return this.queue.run(forecaster, () => this.deployNow(approval, causedBy));
  }

  private async deployNow(approval: CloudEvent<Validated>, causedBy: readonly number[]): Promise<void> {
    const { bus, codeVersion, log } = this.context;
    const { forecaster, run_id, champion_revision, candidate_metrics, champion_metrics } = approval.data;
    const live = this.ports.configs.get(forecaster);
    live.catch(() => {}); // looked at below, once it is known whether it matters
    const settled = await bus.outcome(run_id, "deployment");
    // Publishing again finds it published, or does what the process that claimed it could not any more.
    if (settled !== undefined)
      return this.conclude(settled.step as Outcome, settled.event as CloudEvent<StepData>);
    const result = await deploy(this.ports, approval, this.specs.get(forecaster)?.horizon, live);
    const about = {
      run_id,
      forecaster,
      caused_by: [...causedBy],
      evidence: {
        code_version: codeVersion,
        spec_revision: this.specs.revision(forecaster),
        champion_revision,
        candidate_rmse: candidate_metrics?.rmse ?? null,
        champion_rmse: champion_metrics?.rmse ?? null,
      },
    };
    if (result.kind === "failed") {
      log.error({ forecaster, run: run_id, cause: result.cause }, "deployment failed");
      return this.fail(about, result.cause);
    }
    const { config, revision, previous, backup_path, git_hash, warnings } = result;
    const data: Deployed = {
      ...about,
      success: true,
      config,
      revision,
      previous,
      backup_path,
      git_hash,
      warnings: [...warnings],
    };
    log.info({ forecaster, run: run_id, version: config.version, revision, git_hash, warnings }, "deployed");
    await this.conclude("deployed", this.event("deployed", data));
  }

  /**
   * Ends the stage, or finds how it was ended: by the trigger perhaps, to which a slow deployment looks like one that
   * hangs. The claim decides, and what is live follows it.
   */
  private async conclude(step: Outcome, event: CloudEvent<StepData>): Promise<void> {
    const concluded = await this.context.bus.conclude("deployment", step, event);
    if (concluded.won) this.counts[concluded.step === "deployed" ? "deployed" : "failed"] += 1;
    if (concluded.step === "deployed")
      return this.watcher.begin(concluded.event as CloudEvent<Deployed>, concluded.sequence);
    await this.withdraw(event.data);
  }

  private async withdraw({
    run_id: run,
    forecaster,
  }: Pick<StepData, "run_id" | "forecaster">): Promise<void> {
    const said = await withdraw(this.ports, forecaster, run);
    if (said !== undefined)
      this.context.log.warn({ forecaster, run, said }, "config of a failed run taken back");
  }

  /** Takes back what runs left live whose deployment ended `failed`: their process was killed before it could. */
  async sweep(): Promise<void> {
    for (const { key: forecaster, value } of await this.ports.configs.entries("*")) {
      const { run_id } = value;
      const isFailed = async () => (await this.context.bus.outcome(run_id, "deployment"))?.step === "failed";
      if (value.restored_from_version === undefined && (await isFailed()))
        await this.queue.run(forecaster, () => this.withdraw({ run_id, forecaster }));
    }
  }

  private async fail(about: StepData, cause: string): Promise<void> {
    const data: Failed = { ...about, stage: "deployment", cause, will_retry: false };
    await this.conclude("failed", this.event("failed", data));
  }

  /**
   * A message that can never be handled must not leave its run open: that would block the forecaster for ever. A run
   * whose config is live does not end `failed` because of what went wrong after that: it is tried again without end.
   */
  private async orFail(message: Message, task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      const hopeless = error instanceof RetuneError && error.disposition === "terminate";
      const about = parseStepSubject(message.subject);
      if ((!hopeless && message.deliveries < MAX_DELIVERIES) || about === undefined) throw error;
      const { run: run_id, forecaster } = about;
      if (!hopeless && isOf(await this.ports.configs.get(forecaster), run_id)) throw error;
      const evidence = { code_version: this.context.codeVersion };
      const failure = { run_id, forecaster, caused_by: [message.sequence], evidence };
      await this.queue.run(forecaster, () => this.fail(failure, explain(error)));
      throw hopeless ? error : new GivenUpError("could not be deployed, given up", { cause: error });
    }
  }

  private event<D extends StepData>(step: "deployed" | "failed", data: D): CloudEvent<D> {
    const { source, clock } = this.context;
    return newEvent({ source, type: stepType(step), subject: data.forecaster, timeMs: clock.now(), data });
  }
}

type Outcome = "deployed" | "failed";
