import type { FleetStatus } from "../../shared/contracts/fleet-monitor.ts";
import type { Prediction } from "../../shared/contracts/telemetry.ts";
import { fleetSettings } from "./config.ts";
import { predicted, seen } from "./decide.ts";
import { type Excused, type Fleet, type FleetParams, newFleet } from "./state.ts";
import { type StatusOptions, statusOf } from "./status.ts";

export const PARAMS: FleetParams = fleetSettings({});
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const START = Date.parse("2026-01-01T00:00:00Z");

/** ISO time so many days after the start. */
export const at = (days: number) => new Date(START + Math.round(days * DAY_MS)).toISOString();
export const names = (count: number, prefix = "s") =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** A fleet with a stream of its own: every record is one message. */
export class TestFleet {
  readonly fleet: Fleet;
  readonly params: FleetParams;
  excused: Excused = [];
  private sequence = 0;

  constructor(params: Partial<FleetParams> = {}, fleet?: Fleet) {
    this.params = { ...PARAMS, ...params };
    this.fleet = fleet ?? newFleet("racks", "", this.params);
    this.sequence = this.fleet.lastSequence;
  }

  /** Observations of entities at a time in milliseconds. */
  observeAt(
    timeMs: number,
    entities: readonly string[],
    value: number | ((entity: string) => number) = 1,
  ): void {
    const ts = new Date(timeMs).toISOString();
    for (const entity of entities) {
      const cpu = typeof value === "number" ? value : value(entity);
      seen(this.fleet, { ts, entity, values: { cpu } }, ++this.sequence, this.params, () => this.excused);
    }
  }

  observe(days: number, ...entities: string[]): void {
    this.observeAt(START + Math.round(days * DAY_MS), entities);
  }

  /** All of them every `stepMs` from `fromMs` up to `untilMs`, both included. */
  feed(
    fromMs: number,
    untilMs: number,
    stepMs: number,
    entities: (timeMs: number) => readonly string[],
  ): void {
    for (let timeMs = fromMs; timeMs <= untilMs; timeMs += stepMs) this.observeAt(timeMs, entities(timeMs));
  }

  forecast(days: number, entity: string, known: boolean, more: Partial<Prediction> = {}): void {
    this.forecastAt(START + Math.round(days * DAY_MS), entity, known, more);
  }

  forecastAt(timeMs: number, entity: string, known: boolean, more: Partial<Prediction> = {}): void {
    const issued_at = new Date(timeMs).toISOString();
    predicted(
      this.fleet,
      "f1",
      {
        issued_at,
        target_ts: issued_at,
        step: 1,
        entity,
        mean: 1,
        lower: 0,
        upper: 2,
        known_entity: known,
        model_version: "v1",
        latency_ms: 1,
        ...more,
      },
      ++this.sequence,
    );
  }

  status(options: StatusOptions = {}): FleetStatus {
    return statusOf(this.fleet, this.params, { excused: this.excused, ...options });
  }

  /** State of each entity that is silent. */
  silent(): Record<string, string> {
    return Object.fromEntries(this.status().silent.map(({ entity, state }) => [entity, state]));
  }
}
