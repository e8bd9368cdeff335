import type { Message } from "../../shared/bus/message.ts";
import { Trialled } from "../../shared/contracts/ab-tester.ts";
import type { Deployed } from "../../shared/contracts/deployer.ts";
import { CloudEvent, type StepData, stepType } from "../../shared/contracts/envelope.ts";
import type { Failed } from "../../shared/contracts/failed.ts";
import { parseStepSubject, subjects } from "../../shared/contracts/subjects.ts";
import { Validated } from "../../shared/contracts/validator.ts";
import { explain, InvalidInputError, RetuneError, UnavailableError } from "../../shared/errors.ts";
import { newEvent } from "../../shared/events.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { SpecStore } from "../../shared/specs.ts";
import { deploy } from "./deploy.ts";
import { KeyedQueue } from "./keyed-queue.ts";
import type { LivePorts } from "./ports.ts";
import type { Watcher } from "./watcher.ts";

/** Deliveries after which a run that cannot be deployed is ended instead of left open. */
export const MAX_DELIVERIES = 8;

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

  /** `retrain.approved.>`: deploys, unless the run has to pass its shadow stage first. */
  approved(message: Message): Promise<void> {
    return this.orFail(message, async () => {
      const approval = parseEvent(message, Validated);
      const { forecaster, run_id: run, first_deployment } = approval.data;
      if (this.specs.get(forecaster)?.shadow.enabled && !first_deployment) {
        this.context.log.info({ forecaster, run }, "approved; waits for its shadow stage");
        return;
      }
      await this.deploy(approval, [message.sequence]);
    });
  }

  /** `retrain.trialled.>`: deploys what its shadow stage recommends. */
  trialled(message: Message): Promise<void> {
    return this.orFail(message, async () => {
      const { data: trial } = parseEvent(message, Trialled);
      if (trial.outcome !== "promote") return;
      const subject = subjects.step("approved", trial.forecaster, trial.run_id);
      const approval = await this.context.bus.lastMessage("DECISIONS", subject);
      if (approval === undefined) throw new UnavailableError(`'${subject}' of the trialled run is missing`);
      await this.deploy(parseEvent(approval, Validated), [approval.sequence, message.sequence]);
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
    const settled = await bus.outcome(run_id, "deployment");
    if (settled !== undefined) {
      // Publishing again finds it published, or does what the process that claimed it could not any more.
      return this.concluded(
        await bus.conclude("deployment", settled.step, settled.event as CloudEvent<StepData>),
      );
    }
    const result = await deploy(this.ports, approval, this.specs.get(forecaster)?.horizon);
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
    await this.concluded(await bus.conclude("deployment", "deployed", this.event("deployed", data)));
  }

  private async concluded({
    step,
    event,
    sequence,
    won,
  }: {
    step: string;
    event: CloudEvent;
    sequence: number;
    won: boolean;
  }): Promise<void> {
    if (won) this.counts[step === "deployed" ? "deployed" : "failed"] += 1;
    if (step === "deployed") await this.watcher.begin(event as CloudEvent<Deployed>, sequence);
  }

  private async fail(about: StepData, cause: string): Promise<void> {
    const data: Failed = { ...about, stage: "deployment", cause, will_retry: false };
    await this.concluded(await this.context.bus.conclude("deployment", "failed", this.event("failed", data)));
  }

  /** A message that can never be handled must not leave its run open: that would block the forecaster for ever. */
  private async orFail(message: Message, task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      const hopeless = error instanceof RetuneError && error.disposition === "terminate";
      const about = parseStepSubject(message.subject);
      if ((hopeless || message.deliveries >= MAX_DELIVERIES) && about !== undefined) {
        const { run: run_id, forecaster } = about;
        const evidence = { code_version: this.context.codeVersion };
        await this.fail({ run_id, forecaster, caused_by: [message.sequence], evidence }, explain(error));
      }
      throw error;
    }
  }

  private event<D extends StepData>(step: "deployed" | "failed", data: D): CloudEvent<D> {
    const { source, clock } = this.context;
    return newEvent({ source, type: stepType(step), subject: data.forecaster, timeMs: clock.now(), data });
  }
}

interface Schema<D> {
  safeParse(
    value: unknown,
  ):
    | { success: true; data: D }
    | { success: false; error: { issues: { path: PropertyKey[]; message: string }[] } };
}

/** @throws {InvalidInputError} naming subject, field and what was expected */
export function parseEvent<D extends StepData>(message: Message, schema: Schema<D>): CloudEvent<D> {
  const fault = (issue: { path: PropertyKey[]; message: string } | undefined, prefix: string[]) => {
    const field = [...prefix, ...(issue?.path ?? [])].map(String).join(".");
    return new InvalidInputError(
      `payload on '${message.subject}': field '${field}': ${issue?.message ?? "invalid"}`,
    );
  };
  const envelope = CloudEvent.safeParse(message.json());
  if (!envelope.success) throw fault(envelope.error.issues[0], []);
  const data = schema.safeParse(envelope.data.data);
  if (!data.success) throw fault(data.error.issues[0], ["data"]);
  const named = parseStepSubject(message.subject);
  if (named?.run !== data.data.run_id || named.forecaster !== data.data.forecaster) {
    throw new InvalidInputError(
      `payload on '${message.subject}' is about run ${data.data.run_id} of '${data.data.forecaster}'`,
    );
  }
  return { ...envelope.data, data: data.data };
}
