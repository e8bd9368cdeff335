import type { ArbiterState } from "../state.ts";
import type { Block } from "./verdict.ts";
import type { ManualRequest } from "./wish.ts";

/**
 * Longest pause between copies of one request. A publisher that repeats itself, or ten thousand of them, may still be
 * at it when the run they asked for has ended; somebody who wants another run asks later, or with another request_id.
 */
const PAUSE_MS = 10_000;

type LastAsked = ArbiterState["last_asked"];

/** What a request says, whatever the order of its fields. */
function requestKey(request: ManualRequest["request"]): string {
  return JSON.stringify(Object.entries(request).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Tells copies of the request that the last manual run answered from new ones. Each copy lets the next one come as long
 * again after it.
 */
export function withoutCopies(
  lastAsked: LastAsked,
  requests: readonly ManualRequest[],
): { copies: ManualRequest[]; others: ManualRequest[]; last_asked: LastAsked } {
  let last_asked = lastAsked;
  const copies: ManualRequest[] = [];
  const others: ManualRequest[] = [];
  for (const each of requests) {
    const { storedMs, request } = each;
    if (last_asked === null || storedMs - last_asked.at > PAUSE_MS || requestKey(request) !== last_asked.key)
      others.push(each);
    else {
      copies.push(each);
      last_asked = { ...last_asked, at: Math.max(last_asked.at, storedMs) };
    }
  }
  return { copies, others, last_asked };
}

/**
 * What to remember when a run begins.
 *
 * @param requests that it answers, not empty
 */
export function firstAsked(requests: readonly ManualRequest[], run: string): NonNullable<LastAsked> {
  const key = requestKey(requests[0]!.request);
  const same = requests.filter(({ request }) => requestKey(request) === key);
  return { key, run, at: Math.max(...same.map(({ storedMs }) => storedMs)) };
}

export function copyOf({ run }: NonNullable<LastAsked>): Block {
  const message = `it repeats the request that run ${run} answered; another request_id, or ${PAUSE_MS / 1_000} s without it, asks for another run`;
  return { reason: "repeated", message, active_run: run };
}
