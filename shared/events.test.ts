import { describe, expect, it } from "vitest";
import { z } from "zod";
import { InvalidInputError } from "./errors.ts";
import { newEvent, parseEvent } from "./events.ts";

const Data = z.object({ candidate: z.object({ temperature: z.number() }) });
const data = { candidate: { temperature: 1 } };
const event = newEvent({ source: "test", type: "t", subject: "f", timeMs: 0, data });
const received = (payload: unknown) => ({ subject: "retrain.approved.f.r", json: () => payload });

describe("an event on the bus", () => {
  it("is read with its data, and without what their contract does not know", () => {
    const more = { ...event, data: { ...data, more: 1 } };
    expect(parseEvent(received(more), Data)).toEqual(event);
  });

  it.each([
    ["the event", { ...event, id: "1" }, "field 'id'"],
    [
      "its data",
      { ...event, data: { candidate: { temperature: "hot" } } },
      "field 'data.candidate.temperature'",
    ],
    ["data that are missing", { ...event, data: undefined }, "field 'data'"],
  ])("is refused with the subject and the field that is wrong: of %s", (_, payload, field) => {
    const read = () => parseEvent(received(payload), Data);
    expect(read).toThrow(InvalidInputError);
    expect(read).toThrow(`payload on 'retrain.approved.f.r': ${field}: `);
  });
});
