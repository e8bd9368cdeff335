import type { AlertRules } from "../../shared/contracts/alerts.ts";
import { durationMs } from "../../shared/contracts/duration.ts";
import type { CloudEvent, StepData } from "../../shared/contracts/envelope.ts";
import type { Step } from "../../shared/contracts/subjects.ts";
import { describeStep } from "./describe.ts";
import type { NotifierState } from "./state.ts";

export type AlertRule = AlertRules["rules"][number];

export type NotifierEvent =
  | {
      readonly kind: "step";
      readonly step: Step;
      readonly sequence: number;
      readonly event: CloudEvent<StepData>;
    }
  | { readonly kind: "tick"; readonly at: string };

/** An alert that begins or ends. `cause` and `causedAt` name what led to it: the same give the same alert. */
export interface AlertChange {
  readonly verb: "raised" | "cleared";
  readonly rule: AlertRule;
  readonly cause: string;
  readonly causedAt: string;
  readonly at: string; // the alert's own time
  readonly message: string;
  readonly runId: string | null;
  readonly causedBy: readonly number[];
  readonly figures: Readonly<Record<string, number | string>>;
}

export interface Decision {
  readonly state: NotifierState;
  readonly changes: readonly AlertChange[];
}

/** How many sequences are remembered to recognise a redelivery that overtakes, or is overtaken by, others. */
const REMEMBERED = 128;
/** How many runs are followed from `accepted` on; the oldest is forgotten first. */
const FOLLOWED = 16;

/**
 * Folds one step of one forecaster's runs, or the passing of time, into its state, and says which alerts begin
 * and end. (A-ALR-1)
 *
 *     step                    each one raises; `failed` ends with the next deployed, or at stage `search` with the next
 *                             searched, `rolled-back` with the next verified
 *     consecutive-rejections  raises once at `count` rejected or failed validations in a row; an approval ends it
 *     slow-optimization       raises when a search took longer than `longer_than`, or failed longer than that after its
 *                             run was accepted; a quicker one that found a config ends it
 *     stale                   raises once when no search has ended for `longer_than`; the next one ends it
 *
 * Idempotent: a sequence that was folded changes nothing. Replayable: depends on the arguments alone.
 */
export function decide(state: NotifierState, event: NotifierEvent, rules: readonly AlertRule[]): Decision {
  if (event.kind === "tick") return onTick(state, event.at, rules);
  const { sequence } = event;
  const seen = remember(state.seen, sequence);
  if (seen === undefined) return { state, changes: [] };
  const counted = count({ ...state, seen }, event);
  const changes = rules.flatMap((rule) => onStep(counted, event, rule));
  const searching = followed(counted.searching, event);
  return { state: { ...counted, searching, open: opened(counted.open, changes) }, changes };
}

/** The newest sequences with this one among them; undefined where it was there, or is too old to be told from one. */
export function remember(seen: readonly number[], sequence: number): number[] | undefined {
  const oldest = seen.length < REMEMBERED ? -1 : seen[0]!;
  if (sequence < oldest || seen.includes(sequence)) return undefined;
  return [...seen, sequence].sort((a, b) => a - b).slice(-REMEMBERED);
}

type StepEvent = Extract<NotifierEvent, { kind: "step" }>;

function count(state: NotifierState, { step, event }: StepEvent): NotifierState {
  const { time } = event;
  const first_seen_at =
    state.first_seen_at === null || time < state.first_seen_at ? time : state.first_seen_at;
  const next = { ...state, first_seen_at };
  if (step === "searched") return { ...next, last_optimized_at: later(state.last_optimized_at, time) };
  if (step === "approved") return { ...next, rejections: 0 };
  if (isRejection(step, event.data)) return { ...next, rejections: state.rejections + 1 };
  return next;
}

/** The runs that were accepted and whose search has not ended, with this step's run among them or gone from them. */
function followed(
  searching: NotifierState["searching"],
  { step, event }: StepEvent,
): NotifierState["searching"] {
  const { run_id } = event.data;
  if (step === "accepted") {
    const runs = Object.entries({ ...searching, [run_id]: event.time });
    return Object.fromEntries(runs.sort(([, a], [, b]) => Date.parse(a) - Date.parse(b)).slice(-FOLLOWED));
  }
  const { [run_id]: _ended, ...others } = searching;
  return others;
}

function onStep(state: NotifierState, cause: StepEvent, rule: AlertRule): AlertChange[] {
  const { when } = rule;
  const { step, event } = cause;
  const open = state.open[rule.rule] !== undefined;
  const change = (
    verb: AlertChange["verb"],
    details: string,
    figures: AlertChange["figures"] = {},
  ): AlertChange[] => [
    {
      verb,
      rule,
      cause: String(cause.sequence),
      causedAt: event.time,
      at: event.time,
      message: verb === "raised" ? headline(rule, details) : details,
      runId: event.data.run_id,
      causedBy: [cause.sequence],
      figures,
    },
  ];
  switch (when.kind) {
    case "step": {
      const matches = step === when.step && (when.stage === undefined || event.data.stage === when.stage);
      if (matches) return change("raised", describeStep(step, event.data));
      return open && step === endOf(when) ? change("cleared", `run ${event.data.run_id} was ${step}`) : [];
    }
    case "consecutive-rejections": {
      if (open) return step === "approved" ? change("cleared", "a validation found a better config") : [];
      if (!isRejection(step, event.data) || state.rejections < when.count) return [];
      const details = `${state.rejections} validations in a row found none, the last: ${describeStep(step, event.data)}`;
      return change("raised", details, { rejections: state.rejections, count: when.count });
    }
    case "slow-optimization": {
      const seconds = searchSeconds(state, cause);
      if (seconds === undefined) return [];
      const figures = { optimization_time_seconds: seconds, longer_than: when.longer_than };
      const took =
        step === "failed"
          ? `the search failed after ${minutes(seconds)} min`
          : `the search took ${minutes(seconds)} min`;
      if (seconds * 1_000 > durationMs(when.longer_than))
        return change("raised", `${took}, longer than ${when.longer_than}`, figures);
      return open && step === "searched" ? change("cleared", took, figures) : [];
    }
    case "stale":
      return open && step === "searched" ? change("cleared", "a search has ended") : [];
    case "dead-letter": // see decide-letters.ts
    case "alert": // raised elsewhere
      return [];
  }
}

function onTick(state: NotifierState, at: string, rules: readonly AlertRule[]): Decision {
  if (state.first_seen_at === null) return { state: { ...state, first_seen_at: at }, changes: [] };
  const since = state.last_optimized_at ?? state.first_seen_at;
  const changes = rules.flatMap((rule): AlertChange[] => {
    if (rule.when.kind !== "stale" || state.open[rule.rule] !== undefined) return [];
    const dueMs = Date.parse(since) + durationMs(rule.when.longer_than);
    if (Date.parse(at) <= dueMs) return [];
    const details = `no search has ended since ${since}, longer than ${rule.when.longer_than} ago`;
    const figures = { since, longer_than: rule.when.longer_than };
    return [
      {
        verb: "raised",
        rule,
        cause: since,
        // When it fell due is the same for every notifier process, and long ago where nobody looked meanwhile: the
        // alert is named by it, but is as old as its being noticed.
        causedAt: new Date(dueMs).toISOString(),
        at,
        message: headline(rule, details),
        runId: null,
        causedBy: [],
        figures,
      },
    ];
  });
  return { state: { ...state, open: opened(state.open, changes) }, changes };
}

function opened(open: NotifierState["open"], changes: readonly AlertChange[]): NotifierState["open"] {
  const next = { ...open };
  for (const { verb, rule, at } of changes) {
    if (verb === "cleared") delete next[rule.rule];
    else if (rule.when.kind !== "step" || endOf(rule.when) !== undefined) next[rule.rule] = at;
  }
  return next;
}

/** The step that ends what another one began; undefined where the alert is a mere notice. */
function endOf({ step, stage }: Extract<AlertRule["when"], { kind: "step" }>): Step | undefined {
  if (step === "failed") return stage === "search" ? "searched" : "deployed";
  return step === "rolled-back" ? "verified" : undefined;
}

/** How long the search that this step ends took, as far as it can be told. */
function searchSeconds({ searching }: NotifierState, { step, event }: StepEvent): number | undefined {
  const { run_id, stage, optimization_time_seconds: seconds } = event.data;
  if (step === "searched") return typeof seconds === "number" ? seconds : undefined;
  const acceptedAt = searching[run_id];
  if (step !== "failed" || stage !== "search" || acceptedAt === undefined) return undefined;
  return (Date.parse(event.time) - Date.parse(acceptedAt)) / 1_000;
}

function isRejection(step: Step, data: StepData): boolean {
  return step === "rejected" || (step === "failed" && data.stage === "validation");
}

export function headline(rule: Pick<AlertRule, "message">, details: string): string {
  return rule.message === undefined ? details : `${rule.message}: ${details}`;
}

function later(a: string | null, b: string): string {
  return a === null || a < b ? b : a;
}

function minutes(seconds: number): string {
  return (seconds / 60).toFixed(1);
}
