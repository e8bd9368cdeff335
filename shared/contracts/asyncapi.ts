import { z } from "zod";
import { AbTestEvent, Trialled } from "./ab-tester.ts";
import { Alert, AlertRules, DeadLetter } from "./alerts.ts";
import { Deployed, RolledBack, Verified } from "./deployer.ts";
import { ENDPOINTS } from "./endpoints.ts";
import { CloudEvent } from "./envelope.ts";
import { Failed } from "./failed.ts";
import { Renamed } from "./fleet-monitor.ts";
import { IncidentCleared, IncidentRaised } from "./incidents.ts";
import { LiveConfig } from "./live-config.ts";
import { Progress, Searched, TrialTask } from "./optimizer.ts";
import { SeriesContract } from "./series.ts";
import { ForecasterSpec } from "./spec.ts";
import { Health, Observation, Prediction, Score } from "./telemetry.ts";
import { Accepted, Evaluated, Refused, RetrainRequest } from "./trigger.ts";
import { Validated } from "./validator.ts";

interface Channel {
  readonly address: string;
  readonly message: string;
  readonly summary: string;
  readonly schema: z.ZodType;
  /** The schema is that of `data` in a CloudEvents envelope. */
  readonly event?: boolean;
  /** A payload may also be an array of such records. */
  readonly batched?: boolean;
}

const step = (name: string, message: string, summary: string, schema: z.ZodType): Channel => ({
  address: `retrain.${name}.{forecaster}.{run}`,
  message,
  summary,
  schema,
  event: true,
});

const CHANNELS: readonly Channel[] = [
  {
    address: "telemetry.observation.{series}",
    message: "Observation",
    summary: "What was measured",
    schema: Observation,
    batched: true,
  },
  {
    address: "telemetry.prediction.{forecaster}",
    message: "Prediction",
    summary: "One step of one forecast",
    schema: Prediction,
    batched: true,
  },
  {
    address: "telemetry.score.{forecaster}",
    message: "Score",
    summary: "A prediction joined to the truth",
    schema: Score,
    batched: true,
  },
  {
    address: "telemetry.health.{forecaster}",
    message: "Health",
    summary: "Heartbeat of one instance",
    schema: Health,
    batched: true,
  },
  {
    address: "retrain.request",
    message: "RetrainRequest",
    summary: "Please; empty means every forecaster, a bare id works, too",
    schema: RetrainRequest,
  },
  {
    address: "retrain.evaluated.{forecaster}",
    message: "Evaluated",
    summary: "TriggerReport, also when the answer is no",
    schema: Evaluated,
    event: true,
  },
  step("accepted", "Accepted", "A run begins", Accepted),
  step("refused", "Refused", "A cause that starts no run, and why", Refused),
  step("searched", "Searched", "The candidate and its trial table", Searched),
  step("approved", "Approved", "ValidationReport of a better candidate", Validated),
  step("rejected", "Rejected", "ValidationReport of a candidate that is not better; ends the run", Validated),
  step("held", "Held", "ValidationReport that waits for a person", Validated),
  step("trialled", "Trialled", "Outcome of the shadow stage", Trialled),
  step("deployed", "Deployed", "DeploymentReport", Deployed),
  step("verified", "Verified", "The watch ended well; ends the run", Verified),
  step("rolled-back", "RolledBack", "The previous config is live again; ends the run", RolledBack),
  step("failed", "Failed", "A stage could not be done; ends the run", Failed),
  {
    address: "trial.{run}.{number}",
    message: "TrialTask",
    summary: "One config to evaluate; later parts of its windows have .<rung> behind the number",
    schema: TrialTask,
  },
  {
    address: "abtest.{verb}.{test}",
    message: "AbTestEvent",
    summary: "Created, measured, concluded",
    schema: AbTestEvent,
    event: true,
  },
  {
    address: "alert.{verb}.{rule}.{about}",
    message: "Alert",
    summary: "Raised or cleared",
    schema: Alert,
    event: true,
  },
  {
    address: "alert.raised.dead-letter.{message}",
    message: "DeadLetter",
    summary: "A message nobody could process, whole",
    schema: DeadLetter,
    event: true,
  },
  {
    address: "alert.raised.incident.{target}",
    message: "IncidentRaised",
    summary: "Telemetry of a series or forecaster that nobody should learn from or judge by",
    schema: IncidentRaised,
    event: true,
  },
  {
    address: "alert.cleared.incident.{target}",
    message: "IncidentCleared",
    summary: "The incident is over",
    schema: IncidentCleared,
    event: true,
  },
  {
    address: "alert.{verb}.fleet-rename.{series}",
    message: "Renamed",
    summary: "An entity has a new name; cleared: it has not",
    schema: Renamed,
    event: true,
  },
  {
    address: "alert.{verb}.fleet-outage.{series}",
    message: "FleetOutage",
    summary: "A series, all telemetry or most of a fleet fell silent; nobody is retired meanwhile",
    schema: Alert,
    event: true,
  },
  {
    address: "alert.{verb}.fleet-drift.{series}",
    message: "FleetDrift",
    summary: "New and retired entities outweigh what the model knows",
    schema: Alert,
    event: true,
  },
  {
    address: "alert.{verb}.fleet-unknown.{series}",
    message: "FleetUnknown",
    summary: "Too many predictions are about entities the model does not know",
    schema: Alert,
    event: true,
  },
  {
    address: "alert.{verb}.fleet-stale.{series}",
    message: "FleetStale",
    summary: "The model is old and the fleet has changed",
    schema: Alert,
    event: true,
  },
  {
    address: "alert.{verb}.fleet-silent.{series}",
    message: "FleetSilent",
    summary: "Entities without data for a day or more",
    schema: Alert,
    event: true,
  },
  {
    address: "progress.{forecaster}.{run}",
    message: "Progress",
    summary: "How far a search is; in no stream",
    schema: Progress,
  },
  {
    address: "live.committed.{forecaster}",
    message: "LiveConfig",
    summary: "A committed write of the bucket live-configs",
    schema: LiveConfig,
  },
];

/** AsyncAPI 3 document of everything that crosses a process boundary, made from the schemas. */
export function asyncApi(version: string): object {
  const channels: Record<string, object> = {};
  const messages: Record<string, object> = {};
  const schemas: Record<string, object> = { CloudEvent: jsonSchema(CloudEvent) };
  for (const { address, message, summary, schema, event, batched } of CHANNELS) {
    channels[idOf(address)] = channel(address, message);
    schemas[message] = jsonSchema(schema);
    const record = { $ref: `#/components/schemas/${message}` };
    messages[message] = {
      summary,
      contentType: event ? "application/cloudevents+json" : "application/json",
      payload: event
        ? {
            allOf: [
              { $ref: "#/components/schemas/CloudEvent" },
              { type: "object", properties: { data: record } },
            ],
          }
        : batched
          ? { oneOf: [record, { type: "array", items: record }] }
          : record,
    };
  }
  const operations: Record<string, object> = {};
  for (const { address, name, summary, request, reply } of ENDPOINTS) {
    const id = idOf(address);
    const [asked, answered] = [`${name}Request`, `${name}Reply`];
    schemas[asked] = jsonSchema(request, "input");
    schemas[answered] = jsonSchema(reply);
    for (const message of [asked, answered])
      messages[message] = {
        contentType: "application/json",
        payload: { $ref: `#/components/schemas/${message}` },
      };
    channels[id] = channel(address, asked);
    channels[`${id}.reply`] = channel(null, answered);
    operations[id] = {
      action: "receive",
      summary,
      channel: { $ref: `#/channels/${id}` },
      messages: [{ $ref: `#/channels/${id}/messages/${asked}` }],
      reply: {
        channel: { $ref: `#/channels/${id}.reply` },
        messages: [{ $ref: `#/channels/${id}.reply/messages/${answered}` }],
      },
    };
  }
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Retune",
      version,
      description: "Subjects and payloads. Made from the zod contracts in shared/contracts; do not edit.",
    },
    defaultContentType: "application/json",
    channels,
    operations,
    components: { messages, schemas },
  };
}

function idOf(address: string): string {
  return address.replace(/[{}]/g, "");
}

/** @param address null: an inbox of whoever asks */
function channel(address: string | null, message: string): object {
  const names = [...(address ?? "").matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
  const parameters = Object.fromEntries(
    names.map((name) => [name, { description: `one subject token: ${name}` }]),
  );
  return {
    address,
    ...(names.length > 0 ? { parameters } : {}),
    messages: { [message]: { $ref: `#/components/messages/${message}` } },
  };
}

/** JSON Schemas of the files in `configs/`, for editors. */
export function configSchemas(): Record<string, object> {
  return {
    forecaster: jsonSchema(ForecasterSpec, "input"),
    series: jsonSchema(SeriesContract, "input"),
    alerts: jsonSchema(AlertRules, "input"),
    "live-config": jsonSchema(LiveConfig),
  };
}

function jsonSchema(schema: z.ZodType, io: "input" | "output" = "output"): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
