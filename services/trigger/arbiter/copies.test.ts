import { describe, expect, it } from "vitest";
import type { RetrainRequest } from "../../../shared/contracts/trigger.ts";
import { initialArbiter } from "../state.ts";
import { at, ended, START_MS } from "./arbiter.fixture.ts";
import { decideRequests } from "./arbiter.ts";
import type { ManualRequest } from "./wish.ts";

const SECOND = 1_000;

function asked(sequence: number, seconds: number, request: Partial<RetrainRequest> = {}): ManualRequest {
  const storedMs = START_MS + seconds * SECOND;
  return { sequence, storedMs, request: { action: "search", requested_by: "ana", ...request } };
}

describe("copies of a request whose run is over (Shows 2)", () => {
  const first = decideRequests(initialArbiter("a"), [asked(1, 0), asked(2, 4)], at(0));
  const over = ended(first);
  const run = first.state.active!.run;

  it("are refused, with the run that answered the first", () => {
    const { state, events } = decideRequests(over, [asked(3, 6), asked(4, 7)], at(0));
    expect(events).toMatchObject([
      { step: "refused", data: { reason: "repeated", active_run: run, coalesced: 1, caused_by: [3, 4] } },
    ]);
    expect(state.active).toBeNull();
  });

  it("let the next copy come as long again after them", () => {
    const later = decideRequests(over, [asked(3, 13)], at(0)).state;
    expect(decideRequests(later, [asked(4, 22)], at(0)).events).toMatchObject([{ step: "refused" }]);
  });

  it("are counted as such while the run is on, too", () => {
    const busy = decideRequests(first.state, [asked(3, 12)], at(0));
    expect(busy.events).toMatchObject([{ data: { reason: "run-active" } }]);
    expect(decideRequests(ended(busy), [asked(4, 21)], at(0)).events).toMatchObject([
      { data: { reason: "repeated" } },
    ]);
  });

  it.each([
    ["one more than 10 s after the last copy", asked(3, 14.1)],
    ["one with another reason", asked(3, 5, { reason: "new data" })],
    ["one with a request_id", asked(3, 5, { request_id: "r-2" })],
    ["one of somebody else", asked(3, 5, { requested_by: "bo" })],
  ])("%s is a request of its own", (_, request) => {
    expect(decideRequests(over, [request], at(0)).events).toMatchObject([{ step: "accepted" }]);
  });

  it("are told from what comes in the same batch", () => {
    const { events } = decideRequests(over, [asked(3, 5), asked(4, 5, { request_id: "r-2" })], at(0));
    expect(events).toMatchObject([
      { step: "refused", data: { reason: "repeated", caused_by: [3], coalesced: 0 } },
      { step: "accepted", data: { caused_by: [4], coalesced: 0 } },
    ]);
  });
});
