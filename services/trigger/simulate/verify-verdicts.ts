import { StepData } from "../../../shared/contracts/envelope.ts";
import type { VerifiedDecision } from "../../../shared/contracts/simulation.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { parseStepSubject } from "../../../shared/contracts/subjects.ts";
import { Accepted, Evaluated, Refused } from "../../../shared/contracts/trigger.ts";
import { decideEvaluated, decideRequests, decideTick } from "../arbiter/arbiter.ts";
import { foldStep, rebuildStep, type StoredStep } from "../arbiter/following.ts";
import { scheduleKey } from "../arbiter/timetable.ts";
import type { Circumstances, Decision, Verdict } from "../arbiter/verdict.ts";
import { type ArbiterState, initialArbiter } from "../state.ts";
import { difference, onTheWire } from "./difference.ts";
import type { RecordedEvent, Recording } from "./recording.ts";

type Answer = Accepted | Refused;
type Receipt = Pick<Answer, "evidence">;

/**
 * Makes every `accepted` and `refused` of a forecaster again: the arbiter's functions on the state that the stream up
 * to the decision gives, with the time, the spec and the causes that the receipt names.
 *
 * Requests and the passing of time reach the arbiter beside the stream of steps, so a step stored just before an
 * answer may not have been known to it. Such an answer counts as reproduced where the state at its cause gives it.
 */
export function verifyVerdicts(recording: Recording): VerifiedDecision[] {
  const verifier = new Verifier(recording);
  for (const event of recording.events) verifier.take(event);
  return verifier.decisions;
}

class Verifier {
  readonly decisions: VerifiedDecision[] = [];
  private readonly recording: Recording;
  private readonly answers: ReadonlyMap<string, Answer>;
  /** By the sequence that caused them last. */
  private readonly answersTo: ReadonlyMap<number | undefined, readonly Answer[]>;
  private readonly told = new Set<string>();
  private readonly differences = new Map<string, string | undefined>();
  private state: ArbiterState;
  /** States before each of the last steps: what an answer may have been decided from. */
  private earlier: { readonly sequence: number; readonly state: ArbiterState }[] = [];

  constructor(recording: Recording) {
    this.recording = recording;
    this.state = initialArbiter(recording.forecaster);
    this.answers = new Map(
      recording.events.flatMap(({ subject, event }) => {
        const answer = answerOf(subject, event.data);
        return answer === undefined ? [] : [[answer.run_id, answer]];
      }),
    );
    this.answersTo = Map.groupBy(this.answers.values(), ({ caused_by }) => caused_by.at(-1));
  }

  take(recorded: RecordedEvent): void {
    this.earlier = [...this.earlier.slice(-20), { sequence: recorded.sequence, state: this.state }];
    if (recorded.subject.startsWith("retrain.evaluated.")) this.takeEvaluated(recorded);
    else this.takeStep(recorded);
  }

  /** Evaluations and steps come to the arbiter in one order, so what follows from this one is known now. */
  private takeEvaluated({ sequence, storedMs, event }: RecordedEvent): void {
    const { data: evaluated } = Evaluated.safeParse(event.data);
    if (evaluated === undefined) return;
    const answer = this.answersTo.get(sequence)?.find(({ run_id }) => !this.told.has(run_id));
    const circumstances = this.circumstances(answer ?? evaluated, Date.parse(event.time));
    if (circumstances === undefined) return;
    const decision = decideEvaluated(this.state, evaluated, { sequence, storedMs }, circumstances);
    this.state = decision.state;
    for (const verdict of decision.events) this.compare(verdict);
  }

  private takeStep(recorded: RecordedEvent): void {
    const step = storedStep(recorded);
    if (step === undefined) return;
    const answer = answerOf(recorded.subject, recorded.event.data);
    if (answer === undefined) {
      this.state = foldStep(this.state, step);
      return;
    }
    if (!this.told.has(answer.run_id)) this.decideAgain(answer, recorded);
    this.decisions.push(this.verdictOn(answer, recorded));
    if (parseStepSubject(recorded.subject)?.step === "accepted" && this.state.active?.run !== answer.run_id)
      this.state = rebuildStep(this.state, step);
    else this.state = foldStep(this.state, step);
  }

  /** An answer to people or to time, which no message in this stream gave the order of. */
  private decideAgain(answer: Answer, recorded: RecordedEvent): void {
    const circumstances = this.circumstances(answer, Date.parse(recorded.event.time));
    if (circumstances === undefined) return;
    const since = Math.min(recorded.sequence, ...answer.caused_by);
    const states = [
      this.state,
      ...this.earlier.filter(({ sequence }) => sequence >= since).map(({ state }) => state),
    ];
    for (const state of states) {
      const decision = this.decide(state, answer, circumstances);
      const verdict = decision?.events.find(({ data }) => data.run_id === answer.run_id);
      if (decision === undefined || verdict === undefined) continue;
      if (difference(answer, onTheWire(verdict.data)) !== undefined && state !== states.at(-1)) continue;
      this.compare(verdict);
      this.state = decision.state;
      return;
    }
  }

  private decide(state: ArbiterState, answer: Answer, circumstances: Circumstances): Decision | undefined {
    if (answer.cause !== "manual") return decideTick(beforeSchedules(state, answer), circumstances);
    const first = answer.caused_by[0];
    if (first === undefined) return undefined;
    const requests = this.recording.requests.filter(({ sequence }) => sequence >= first);
    return decideRequests(state, requests.slice(0, answer.coalesced + 1), circumstances);
  }

  private compare(verdict: Verdict): void {
    const { run_id } = verdict.data;
    this.told.add(run_id);
    const recorded = this.answers.get(run_id);
    if (recorded !== undefined) this.differences.set(run_id, difference(recorded, onTheWire(verdict.data)));
  }

  private verdictOn(answer: Answer, { sequence, subject }: RecordedEvent): VerifiedDecision {
    const about = { sequence, subject };
    if (this.specOf(answer) === undefined)
      return {
        ...about,
        verdict: "unverifiable",
        detail: `revision ${String(answer.evidence.spec_revision)} of the spec is not kept`,
      };
    if (!this.differences.has(answer.run_id))
      return {
        ...about,
        verdict: "different",
        detail: "the arbiter gives another answer to what caused this one",
      };
    const detail = this.differences.get(answer.run_id);
    return detail === undefined
      ? { ...about, verdict: "reproduced" }
      : { ...about, verdict: "different", detail };
  }

  /** undefined where the spec it was decided with is not known any more. */
  private circumstances(receipt: Receipt, atMs: number): Circumstances | undefined {
    const spec = this.specOf(receipt);
    if (spec === undefined) return undefined;
    const { code_version, spec_revision, decided_at } = receipt.evidence;
    const decidedMs = typeof decided_at === "string" ? Date.parse(decided_at) : atMs;
    const evidence = { code_version, spec_revision, ...(decided_at === undefined ? {} : { decided_at }) };
    return { spec, atMs: decidedMs, machineMs: decidedMs, evidence };
  }

  private specOf({ evidence }: Receipt): ForecasterSpec | undefined {
    return this.recording.specs.find(({ revision }) => revision === evidence.spec_revision)?.spec;
  }
}

/** When a schedule was first seen is in no stream: the times that an answer names had not been dealt with, all others had. */
function beforeSchedules(state: ArbiterState, { schedules = [] }: Answer): ArbiterState {
  const undone = schedules.map((time): [string, number] => [scheduleKey(time), Date.parse(time.at) - 1]);
  return { ...state, schedules: { ...state.schedules, ...Object.fromEntries(undone) } };
}

function answerOf(subject: string, data: unknown): Answer | undefined {
  const step = parseStepSubject(subject)?.step;
  if (step === "accepted") return Accepted.safeParse(data).data;
  return step === "refused" ? Refused.safeParse(data).data : undefined;
}

function storedStep({ sequence, subject, storedMs, event }: RecordedEvent): StoredStep | undefined {
  const data = StepData.safeParse(event.data);
  return data.success ? { sequence, subject, storedMs, event: { ...event, data: data.data } } : undefined;
}
