import { expect, it } from "vitest";
import { message } from "../../shared/bus/message.ts";
import { fleetSettings } from "./config.ts";
import { type Intake, takeIn } from "./intake.ts";
import { tick } from "./outage.ts";
import { newFleet } from "./state.ts";

const MINUTE = 60_000;

it("one observation ahead of the clock makes no outage of a feed that goes on", () => {
  const params = fleetSettings({});
  const fleet = newFleet("servers", "id", params);
  let now = Date.UTC(2025, 0, 1);
  let sequence = 0;
  const intake: Intake = {
    params,
    now: () => now,
    spec: () => undefined,
    fleet: () => fleet,
    excused: () => [],
  };
  const observe = (atMs: number) => {
    sequence += 1;
    const record = { ts: new Date(atMs).toISOString(), entity: "web-1", values: { cpu: 1 } };
    const data = new TextEncoder().encode(JSON.stringify(record));
    const subject = "telemetry.observation.servers";
    takeIn(message({ subject, data, sequence, deliveries: 1, time: new Date(now) }), intake);
  };
  const hour = () => {
    for (let minute = 0; minute < 60; minute += 1) {
      now += MINUTE;
      observe(now);
      tick(fleet, now, null, params);
    }
  };
  hour();
  observe(now + 20 * 60 * MINUTE);
  hour();
  expect(fleet.feedOutage).toBeNull();
  now += 5 * 60 * MINUTE;
  tick(fleet, now, null, params);
  expect(fleet.feedOutage).not.toBeNull();
});
