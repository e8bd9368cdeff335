import type { Msg, NatsConnection, Subscription } from "@nats-io/nats-core";
import { headers } from "@nats-io/nats-core";
import { explain, RetuneError } from "../errors.ts";
import { newUuidV7 } from "../ids.ts";
import type { Log } from "../log.ts";
import { parseJson } from "./message.ts";

export interface MicroService {
  readonly name: string;
  readonly description: string;
  readonly version: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Subject to handler. A request without a payload arrives as undefined. */
  readonly endpoints: Readonly<Record<string, (payload: unknown, subject: string) => Promise<unknown>>>;
  readonly stats?: () => object;
}

interface EndpointStats {
  num_requests: number;
  num_errors: number;
  last_error: string;
  processing_time: number; // ns
}

const QUEUE = "q";

/**
 * A NATS micro service by ADR-32: `$SRV.PING|INFO|STATS` and the endpoints, so that `nats micro ls` shows it.
 * (The client's own services module exists as a pre-release only.) A handler that throws answers with
 * `Nats-Service-Error-Code` 400 where the request was at fault, else 500, and the service goes on.
 */
export function serveMicro(
  nc: NatsConnection,
  service: MicroService,
  log: Log,
): { id: string; stop(): Promise<void> } {
  const id = newUuidV7();
  const started = new Date().toISOString();
  const stats = new Map<string, EndpointStats>();
  const identity = { name: service.name, id, version: service.version, metadata: service.metadata ?? {} };
  const subscriptions: Subscription[] = [];

  const discovery: Record<string, () => object> = {
    PING: () => ({ type: "io.nats.micro.v1.ping_response", ...identity }),
    INFO: () => ({
      type: "io.nats.micro.v1.info_response",
      ...identity,
      description: service.description,
      endpoints: [...stats.keys()].map((subject) => ({
        name: endpointName(subject),
        subject,
        queue_group: QUEUE,
        metadata: {},
      })),
    }),
    STATS: () => ({
      type: "io.nats.micro.v1.stats_response",
      ...identity,
      started,
      data: service.stats?.() ?? {},
      endpoints: [...stats].map(([subject, each]) => ({
        name: endpointName(subject),
        subject,
        queue_group: QUEUE,
        ...each,
        average_processing_time:
          each.num_requests === 0 ? 0 : Math.round(each.processing_time / each.num_requests),
      })),
    }),
  };
  for (const [verb, answer] of Object.entries(discovery)) {
    for (const suffix of ["", `.${service.name}`, `.${service.name}.${id}`]) {
      const callback = (error: Error | null, msg: Msg) => {
        if (error === null) msg.respond(JSON.stringify(answer()));
      };
      subscriptions.push(nc.subscribe(`$SRV.${verb}${suffix}`, { callback }));
    }
  }

  const inWork = new Set<Promise<void>>();
  for (const [subject, handler] of Object.entries(service.endpoints)) {
    const counters: EndpointStats = { num_requests: 0, num_errors: 0, last_error: "", processing_time: 0 };
    stats.set(subject, counters);
    const answer = async (msg: Msg) => {
      const begun = process.hrtime.bigint();
      try {
        const payload = msg.data.length === 0 ? undefined : parseJson(msg.subject, msg.data);
        msg.respond(JSON.stringify((await handler(payload, msg.subject)) ?? {}));
      } catch (error) {
        const mistaken = error instanceof RetuneError && error.disposition === "terminate";
        counters.num_errors += 1;
        counters.last_error = explain(error);
        log.warn({ err: error, subject: msg.subject }, "request failed");
        const head = headers();
        head.set("Nats-Service-Error", counters.last_error.replace(/[\r\n]+/g, " ").slice(0, 500));
        head.set("Nats-Service-Error-Code", mistaken ? "400" : "500");
        msg.respond("", { headers: head });
      } finally {
        counters.num_requests += 1;
        counters.processing_time += Number(process.hrtime.bigint() - begun);
      }
    };
    const callback = (error: Error | null, msg: Msg) => {
      if (error !== null) return;
      const work = answer(msg).finally(() => inWork.delete(work));
      inWork.add(work);
    };
    subscriptions.push(nc.subscribe(subject, { queue: QUEUE, callback }));
  }

  return {
    id,
    async stop() {
      await Promise.allSettled(subscriptions.map((each) => (each.isClosed() ? undefined : each.drain())));
      await Promise.allSettled(inWork);
    },
  };
}

function endpointName(subject: string): string {
  return subject.replace(/[^A-Za-z0-9_-]/g, "-");
}
