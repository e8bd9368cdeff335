import type { z } from "zod";
import type { Entry, KvBucket } from "../../shared/bus/kv.ts";
import { check } from "../../shared/check.ts";
import { Deployed, RollbackRequest, type RolledBack } from "../../shared/contracts/deployer.ts";
import { CloudEvent, stepType } from "../../shared/contracts/envelope.ts";
import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { InvalidInputError, StaleStateError, UnavailableError } from "../../shared/errors.ts";
import { newEvent } from "../../shared/events.ts";
import { deriveUuidV7 } from "../../shared/ids.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { before, type LiveEntry } from "./decide.ts";
import type { LivePorts } from "./ports.ts";
import { type RollbackResult, rollBack } from "./rollback.ts";
import { newWatch, type RollbackIntent, type WatchState, watchKey } from "./state.ts";
import type { Verifier } from "./verifier.ts";

/** A saved rollback that nobody has finished for so long belonged to a process that died. */
const ABANDONED_AFTER_MS = 60_000;

/** Rollbacks: decided and saved first, then carried out, then published. (A-MON-1, A-MON-2) */
export class Rollbacks {
  private readonly context: ServiceContext;
  private readonly ports: LivePorts;
  private readonly states: KvBucket<WatchState>;
  private readonly verifier: Verifier;

  constructor(context: ServiceContext, ports: LivePorts, states: KvBucket<WatchState>, verifier: Verifier) {
    this.context = context;
    this.ports = ports;
    this.states = states;
    this.verifier = verifier;
  }

  /**
   * `deployer.rollback`: takes back what is live.
   *
   * @throws {InvalidInputError} the request is malformed, or there is nothing to take back or to go back to
   * @throws {UnavailableError} another rollback of this forecaster is under way
   */
  async request(payload: unknown): Promise<RolledBack> {
    const { forecaster, requested_by, reason } = parseRequest(payload);
    for (;;) {
      const live = await this.ports.configs.get(forecaster);
      if (live === undefined)
        throw new InvalidInputError(`nothing to roll back: '${forecaster}' has no live config`);
      const entry = await this.states.get(watchKey(forecaster));
      if (entry?.value.phase === "rolling-back") {
        if (!isAbandoned(entry.value))
          throw new UnavailableError(`a rollback of '${forecaster}' is under way`);
        return (await this.finish(entry)).data;
      }
      if (entry?.value.phase === "verifying") {
        // Its watch has ended well: the run is verified before its state makes room for the rollback.
        await this.verifier.verify(entry);
        continue;
      }
      const { run_id: run, version } = live.value;
      if (entry?.value.phase === "watching" && entry.value.run_id !== run) {
        // What is live was put there a moment ago and is not told as deployed yet.
        await this.verifier.verify(entry, `superseded by run ${run}`);
        continue;
      }
      const to = await this.predecessor(forecaster, live);
      const watched = entry?.value.phase === "watching";
      const nowMs = this.context.clock.now();
      const intent: RollbackIntent = {
        cause: "manual",
        reasons: [reason ?? "asked for"],
        ...(requested_by === undefined ? {} : { requested_by }),
        event_run: watched ? run : deriveUuidV7(nowMs, "rollback", forecaster, String(live.revision)),
        rolled_back_run: run,
        from_version: version,
        to,
        at: new Date(nowMs).toISOString(),
        claimed_at_ms: Date.now(),
      };
      const state = watched ? entry.value : this.stateOf(live, to);
      try {
        return (await this.carryOut(state, intent, entry?.revision ?? 0)).data;
      } catch (error) {
        if (!(error instanceof StaleStateError)) throw error; // else: a check was saved meanwhile; look again
      }
    }
  }

  /** What a watch that failed takes back. */
  async intentOf(state: WatchState, reasons: readonly string[]): Promise<RollbackIntent> {
    const deployed = await this.deployment(state.forecaster, state.run_id);
    return {
      cause: "watch",
      reasons: [...reasons],
      event_run: state.run_id,
      rolled_back_run: state.run_id,
      from_version: state.config_version,
      to: deployed?.previous ?? null,
      at: new Date(this.context.clock.now()).toISOString(),
      claimed_at_ms: Date.now(),
    };
  }

  /** Ends a run that a person had rolled back before it was told as deployed, in the name of another run. */
  async conclude({ value: state, revision }: Entry<WatchState>): Promise<void> {
    const rollback = state.rollback && { ...state.rollback, event_run: state.run_id };
    await this.finish({ value: { ...state, rollback }, revision });
  }

  /**
   * Saves the intent, then acts on it.
   * @throws {StaleStateError} somebody else wrote the state since `revision`; nothing was done
   */
  async carryOut(
    state: WatchState,
    intent: RollbackIntent,
    revision: number,
  ): Promise<CloudEvent<RolledBack>> {
    const value: WatchState = { ...state, phase: "rolling-back", rollback: intent };
    const saved = await this.states.update(watchKey(state.forecaster), value, revision);
    return this.finish({ value, revision: saved });
  }

  /** Finishes a saved rollback, from wherever it stopped. */
  async finish({ value: state, revision }: Entry<WatchState>): Promise<CloudEvent<RolledBack>> {
    const { forecaster, rollback: intent } = state;
    if (intent === null)
      throw new InvalidInputError(
        `state 'watch.${forecaster}': field 'rollback' is null in phase 'rolling-back'`,
      );
    this.context.log.warn(
      { forecaster, run: intent.rolled_back_run, cause: intent.cause, reasons: intent.reasons },
      "rolling back",
    );
    const result = await rollBack(this.ports, forecaster, intent);
    const event = await this.publish(state, intent, result);
    await this.states
      .update(watchKey(forecaster), { ...state, phase: "ended" }, revision)
      .catch((error: unknown) => {
        if (!(error instanceof StaleStateError)) throw error; // another deployer finished the same
      });
    this.context.log.warn(
      { forecaster, run: event.data.run_id, live: result.restored?.version ?? null },
      "rolled back",
    );
    return event;
  }

  private async publish(
    state: WatchState,
    intent: RollbackIntent,
    result: RollbackResult,
  ): Promise<CloudEvent<RolledBack>> {
    const { bus } = this.context;
    if (intent.event_run === state.run_id && intent.event_run === intent.rolled_back_run) {
      const concluded = await bus.conclude(
        "watch",
        "rolled-back",
        this.event(state, intent, intent.event_run, result),
      );
      if (concluded.step === "rolled-back") return concluded.event as CloudEvent<RolledBack>;
    }
    // The run has ended already, so the rollback is a run of its own.
    const run =
      intent.event_run === intent.rolled_back_run
        ? deriveUuidV7(Date.parse(intent.at), "rollback", intent.event_run)
        : intent.event_run;
    return (
      await bus.publishOnce(
        subjects.step("rolled-back", state.forecaster, run),
        this.event(state, intent, run, result),
      )
    ).event;
  }

  private event(
    state: WatchState,
    intent: RollbackIntent,
    run: string,
    result: RollbackResult,
  ): CloudEvent<RolledBack> {
    const { source, clock, codeVersion } = this.context;
    const { forecaster, deployed_sequence: sequence } = state;
    const gone =
      result.restored === null
        ? ["there was no earlier config: the forecaster waits for its first deployment again"]
        : [];
    const data: RolledBack = {
      run_id: run,
      forecaster,
      caused_by: sequence > 0 ? [sequence] : [],
      evidence: {
        code_version: codeVersion,
        decided_at: intent.at,
        checks: state.checks,
        failed_checks: state.failed_checks,
      },
      cause: intent.cause,
      reasons: [...intent.reasons, ...gone],
      rolled_back_run: intent.rolled_back_run,
      from_version: intent.from_version,
      restored: result.restored,
      revision: result.revision,
      git_hash: result.git_hash,
      ...(intent.requested_by === undefined ? {} : { requested_by: intent.requested_by }),
      last_checks: state.last_checks,
      warnings: [...result.warnings],
    };
    return newEvent({
      source,
      type: stepType("rolled-back"),
      subject: forecaster,
      timeMs: clock.now(),
      data,
    });
  }

  /** What was live before the run whose config is live now; null where that was the first. */
  private async predecessor(forecaster: string, live: LiveEntry): Promise<LiveConfig | null> {
    const { run_id: run, version, restored_from_version: restoredFrom } = live.value;
    const deployed = await this.deployment(forecaster, run);
    const previous = deployed
      ? deployed.previous
      : before(live.revision, await this.ports.configs.history(forecaster));
    if (previous !== null) return previous;
    if (deployed !== undefined && restoredFrom === undefined) return null;
    const why =
      restoredFrom === undefined
        ? "no earlier config is known"
        : `it was restored from before version ${String(restoredFrom)}, and nothing was live before it`;
    throw new InvalidInputError(`nothing to roll back '${forecaster}' to from version ${version}: ${why}`);
  }

  private async deployment(forecaster: string, run: string): Promise<Deployed | undefined> {
    const message = await this.context.bus.lastMessage(
      "DECISIONS",
      subjects.step("deployed", forecaster, run),
    );
    return message && Deployed.parse(CloudEvent.parse(message.json()).data);
  }

  private stateOf({ value, revision }: LiveEntry, previous: LiveConfig | null): WatchState {
    const from = new Date(this.context.clock.now()).toISOString();
    return newWatch(
      { config: value, revision, previous },
      { phase: "ended", from, startedAtMs: Date.now(), sequence: 0 },
    );
  }
}

export function isAbandoned({ rollback }: WatchState): boolean {
  return rollback === null || Date.now() - rollback.claimed_at_ms > ABANDONED_AFTER_MS;
}

function parseRequest(payload: unknown): z.infer<typeof RollbackRequest> {
  return check(RollbackRequest, payload ?? {}, "deployer.rollback", "(payload)");
}
