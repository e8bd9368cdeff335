import { z } from "zod";
import { AbTest, AbTestCreate, AbTestRef, ShadowComparison } from "./ab-tester.ts";
import { ApproveRequest, RollbackRequest, RolledBack } from "./deployer.ts";
import { FleetStatus, RenameRequest } from "./fleet-monitor.ts";
import {
  BufferStats,
  LedgerReply,
  LedgerRequest,
  QualityReply,
  QualityRequest,
  WindowReply,
  WindowRequest,
} from "./inference-buffer.ts";
import { Token } from "./subjects.ts";
import { PredictReply, PredictRequest } from "./telemetry.ts";
import { Evaluated, TriggerStatus } from "./trigger.ts";

/** Something a service answers: a NATS request on `address`. */
export interface Endpoint {
  readonly address: string;
  /** Begins the names of the request's and the reply's message: `TriggerStatusRequest`. */
  readonly name: string;
  readonly summary: string;
  readonly request: z.ZodType;
  readonly reply: z.ZodType;
}

const OneForecaster = z.object({ forecaster: Token.optional().describe("absent: all") });
const OneSeries = z.object({ series: Token.optional().describe("absent: all") });
const Published = z.object({ sequence: z.int().positive().describe("of the event in DECISIONS") });
const Nothing = z.object({});

export const ENDPOINTS: readonly Endpoint[] = [
  {
    address: "forecaster.predict.{forecaster}",
    name: "Predict",
    summary: "The next forecast, of one entity where it is named",
    request: PredictRequest,
    reply: PredictReply,
  },
  {
    address: "trigger.status",
    name: "TriggerStatus",
    summary: "What runs, what waits and until when, what comes next",
    request: OneForecaster,
    reply: TriggerStatus,
  },
  {
    address: "trigger.evaluate",
    name: "TriggerEvaluate",
    summary: "Evaluates the triggers now; the report is published as well",
    request: OneForecaster,
    reply: z.object({ reports: z.array(Evaluated) }),
  },
  {
    address: "fleet-monitor.status",
    name: "FleetStatus",
    summary: "Entities seen, new and silent, drift, unknown rates, outages",
    request: OneSeries,
    reply: z.array(FleetStatus),
  },
  {
    address: "fleet-monitor.rename",
    name: "FleetRename",
    summary: "Confirms that an entity has a new name, or takes that back",
    request: RenameRequest,
    reply: Published,
  },
  {
    address: "inference-buffer.window",
    name: "Window",
    summary: "A training window, or scores, as an artifact",
    request: WindowRequest,
    reply: WindowReply,
  },
  {
    address: "inference-buffer.ledger",
    name: "Ledger",
    summary: "What became of a forecaster's predictions, by step",
    request: LedgerRequest,
    reply: LedgerReply,
  },
  {
    address: "inference-buffer.quality",
    name: "Quality",
    summary: "How complete and clean the data of the last days are",
    request: QualityRequest,
    reply: QualityReply,
  },
  {
    address: "inference-buffer.stats",
    name: "BufferStats",
    summary: "What the buffer took in, refused and keeps",
    request: Nothing,
    reply: BufferStats,
  },
  {
    address: "deployer.rollback",
    name: "Rollback",
    summary: "Puts the version before live again",
    request: RollbackRequest,
    reply: RolledBack,
  },
  {
    address: "deployer.approve",
    name: "Approve",
    summary: "A person's word on a held run",
    request: ApproveRequest,
    reply: Published.extend({
      run_id: z.string(),
      forecaster: Token,
      step: z.enum(["approved", "rejected"]),
    }),
  },
  {
    address: "ab-tester.create",
    name: "AbTestCreate",
    summary: "Begins a test of a challenger in the shadow of the live config",
    request: AbTestCreate,
    reply: AbTest,
  },
  {
    address: "ab-tester.stop",
    name: "AbTestStop",
    summary: "Ends a test",
    request: AbTestRef,
    reply: AbTest,
  },
  {
    address: "ab-tester.analyze",
    name: "AbTestAnalyze",
    summary: "How a test stands",
    request: AbTestRef,
    reply: z.object({
      test: AbTest,
      comparison: ShadowComparison,
      outcome: z.string(),
      reasons: z.array(z.string()),
    }),
  },
  {
    address: "ab-tester.list",
    name: "AbTestList",
    summary: "Every test",
    request: Nothing,
    reply: z.object({ tests: z.array(AbTest) }),
  },
];
