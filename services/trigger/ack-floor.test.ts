import { describe, expect, it } from "vitest";
import type { Message } from "../../shared/bus/message.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { recordedLog } from "../../test/support/context.ts";
import { AckFloor } from "./ack-floor.ts";
import { StreamEra } from "./stream-era.ts";

describe("the ack floor of a durable consumer", () => {
  it("is asked for now and then, not with every batch", async () => {
    const { floor, server } = asking({ created: "first", floor: 10 });
    expect(await floor.after(messages(1, 100))).toBe(10);
    server.floor = 400;
    expect(await floor.after(messages(101, 200))).toBe(10);
    expect(await floor.after(messages(201, 700))).toBe(400);
    expect(server.asked).toBe(2);
  });

  it("falls when the stream is created anew, which the order of sequences tells at once", async () => {
    const { floor, server, era } = asking({ created: "first", floor: 90 });
    expect(await floor.after(messages(1, 100))).toBe(90);
    Object.assign(server, { created: "second", floor: 0 });
    expect(await floor.after(messages(1, 2))).toBe(0);
    expect(era.created).toBe("second");
  });

  it("does not take redelivered messages for those of a new stream", async () => {
    const { floor, server } = asking({ created: "first", floor: 90 });
    await floor.after(messages(1, 100));
    await floor.after(messages(50, 60, 2));
    expect(server.asked).toBe(1);
  });

  it("is the last known one while the server does not answer", async () => {
    const { floor, server } = asking({ created: "first", floor: 90 });
    await floor.now();
    server.away = true;
    expect(await floor.now()).toBe(90);
  });
});

describe("a state of a stream", () => {
  it.each([
    ["of this stream goes on", "first", 5, { stream_created: "first" }],
    ["of another stream does not", "before", 5, undefined],
    ["of an older version is taken for this stream's", null, 100, { stream_created: "first" }],
    ["of an older version that knows what this stream has not reached, is not", null, 101, undefined],
  ])("%s", async (_, stream_created, newest, expected) => {
    const { era } = asking({ created: "first", floor: 0 });
    expect(await era.admit({ stream_created }, newest)).toEqual(expected);
  });

  it("is asked about anew before it is given up: another process may have seen the new stream first", async () => {
    const { era, server } = asking({ created: "first", floor: 0 });
    await era.refresh();
    server.created = "second";
    expect(await era.admit({ stream_created: "second" }, 5)).toEqual({ stream_created: "second" });
  });
});

/** What a server with a stream of 100 messages answers. */
function asking(answers: { created: string; floor: number }) {
  const server = { ...answers, asked: 0, away: false };
  const bus = {
    streamState: async () => {
      if (server.away) throw new Error("no answer");
      return { created: server.created, firstSequence: 1, lastSequence: 100, messages: 100 };
    },
    ackFloor: async () => {
      server.asked += 1;
      return server.floor;
    },
  };
  const context = { bus, log: recordedLog() } as unknown as Pick<ServiceContext, "bus" | "log">;
  const era = new StreamEra(context, "DECISIONS");
  return { server, era, floor: new AckFloor(context, era, "trigger-steps") };
}

function messages(from: number, to: number, deliveries = 1): Message[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({ sequence: from + i, deliveries }) as Message);
}
