import { createServer } from "node:http";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { z } from "zod";
import { readEnv } from "../../shared/env.ts";
import { UnavailableError } from "../../shared/errors.ts";
import type { Service, ServiceContext } from "../../shared/service.ts";
import { readCauses, readRun } from "./decisions.ts";
import { consoleApp } from "./http/app.ts";
import { consoleMetrics } from "./http/metrics.ts";
import { loadPage } from "./http/static.ts";
import { followAll } from "./projection/live.ts";

const Settings = z.object({
  RETUNE_PORT: z.coerce.number("expected a port number").int().min(0).max(65_535).default(9000),
  RETUNE_HOST: z.string().default("127.0.0.1"),
});

/** The console as a service: the web page, its event stream and the metrics. */
export const service: Service = {
  name: "console",
  description: "what people look at: the page, /status, /metrics",
  start: startConsole,
};

/** `address` is where the page can be reached, with the port in use where 0 was asked for. */
export async function startConsole(
  context: ServiceContext,
): Promise<{ readonly address: string; stop(): Promise<void> }> {
  const { bus, env, log } = context;
  const { RETUNE_PORT: port, RETUNE_HOST: host } = readEnv(env, Settings);
  const live = await followAll(context);
  const ending = new AbortController();
  const app = consoleApp({
    projection: live.projection,
    metrics: consoleMetrics(live.projection),
    page: await loadPage(join(import.meta.dirname, "web", "dist")),
    problem: () => live.problem(),
    problems: context.problems,
    findRun: (id) => readRun(bus, id),
    causesOf: (run) => readCauses(bus, run),
    stopped: ending.signal,
    log,
  });
  const server = createAdaptorServer({ fetch: app.fetch, createServer });
  const closeServer = () => new Promise<void>((resolve) => server.close(() => resolve()));
  try {
    await listen(server, port, host);
  } catch (error) {
    await live.stop();
    throw error;
  }
  const bound = server.address();
  const address = `http://${host.includes(":") ? `[${host}]` : host}:${typeof bound === "object" && bound !== null ? bound.port : port}/`;
  const micro = await bus.serve({
    name: service.name,
    description: service.description,
    version: "0.1.0",
    endpoints: {},
    stats: () => ({ address, problem: live.problem() }),
  });
  log.info({ address }, "the page is up");
  return {
    address,
    async stop() {
      ending.abort();
      await micro.stop();
      const closed = closeServer();
      if ("closeIdleConnections" in server) server.closeIdleConnections();
      const force = setTimeout(() => "closeAllConnections" in server && server.closeAllConnections(), 1_000);
      await closed;
      clearTimeout(force);
      await live.stop();
    },
  };
}

type Listening = ReturnType<typeof createAdaptorServer>;

function listen(server: Listening, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === "EADDRINUSE"
          ? `port ${port} on ${host} is in use already; choose another with RETUNE_PORT=9001 or 'retune up --port 9001'`
          : cause.code === "EACCES"
            ? `port ${port} on ${host} needs rights this process has not; choose one from 1024 on with RETUNE_PORT`
            : `cannot listen on ${host} port ${port}; RETUNE_HOST and RETUNE_PORT choose another address`;
      reject(new UnavailableError(why, { cause }));
    });
    server.listen(port, host, resolve);
  });
}
