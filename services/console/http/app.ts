import { type Context, Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { Registry } from "prom-client";
import type { RunSummary } from "../../../shared/contracts/run.ts";
import { explain } from "../../../shared/errors.ts";
import type { Log } from "../../../shared/log.ts";
import { runDetails } from "../projection/details.ts";
import type { Projection } from "../projection/projection.ts";
import type { Cause } from "../words/explain.ts";
import type { StaticFile } from "./static.ts";
import { streamChanges } from "./stream.ts";

const MAX_STREAMS = 100;

export interface AppParts {
  readonly projection: Projection;
  readonly metrics: Registry;
  readonly page: ReadonlyMap<string, StaticFile>;
  /** What keeps the page from being true, such as a lost connection; undefined for nothing. */
  readonly problem: () => Promise<string | undefined>;
  /** Lasting problems of the services in this process, each under a name. */
  readonly problems: ReadonlyMap<string, string>;
  /** A run the projection has let go, from the stream; undefined where there is none. */
  readonly findRun: (id: string) => Promise<RunSummary | undefined>;
  readonly causesOf: (run: RunSummary) => Promise<readonly Cause[]>;
  readonly stopped: AbortSignal;
  readonly log: Log;
}

// Nothing comes from elsewhere and nothing inline runs: text of events can never become script.
const SECURITY = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** The console's pages. All of them read; none changes anything. */
export function consoleApp(parts: AppParts): Hono {
  const { projection, log } = parts;
  const app = new Hono();
  let streams = 0;

  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(SECURITY)) c.header(name, value);
  });
  app.onError((error, c) => {
    log.error({ err: error, path: c.req.path }, "request failed");
    return c.json({ error: explain(error) }, 500);
  });
  app.notFound((c) => c.json({ error: `nothing is at ${c.req.path}` }, 404));

  app.get("/healthz", (c) => {
    const ok = parts.problems.size === 0;
    return c.json(ok ? { ok } : { ok, problems: Object.fromEntries(parts.problems) }, ok ? 200 : 503);
  });
  app.get("/readyz", async (c) => {
    const problem = await parts.problem();
    return problem === undefined ? c.json({ ok: true }) : c.json({ ok: false, problem }, 503);
  });
  app.get("/metrics", async (c) =>
    c.body(await parts.metrics.metrics(), 200, { "content-type": parts.metrics.contentType }),
  );
  app.get("/status", (c) => c.json(projection.snapshot()));
  app.get("/events", (c) => {
    // Nobody reads the body of an answer to HEAD, so a stream would never learn that its reader left.
    if (c.req.method === "HEAD") return c.body(null, 200, { "content-type": "text/event-stream" });
    if (streams >= MAX_STREAMS) return c.json({ error: `${MAX_STREAMS} readers are connected already` }, 503);
    streams += 1;
    return streamSSE(
      c,
      (stream) =>
        streamChanges(stream, projection, parts.stopped).finally(() => {
          streams -= 1;
        }),
      async (error) => log.warn({ err: error }, "event stream ended"),
    );
  });
  app.get("/api/runs/:id", async (c) => {
    const id = c.req.param("id");
    const run = projection.runs.get(id) ?? (await parts.findRun(id));
    if (run === undefined) return c.json({ error: `no run has the id '${id}'` }, 404);
    return c.json(runDetails(run, await parts.causesOf(run)));
  });
  app.get("/api/forecasters/:id", (c) => {
    const id = c.req.param("id");
    const view = projection.forecasterView(id);
    return view === undefined ? c.json({ error: `no forecaster is called '${id}'` }, 404) : c.json(view);
  });
  app.get("*", (c) => serveFile(c, parts.page));
  return app;
}

function serveFile(c: Context, page: ReadonlyMap<string, StaticFile>): Response | Promise<Response> {
  const file = page.get(c.req.path);
  if (file !== undefined) {
    const cache = file.immutable ? "public, max-age=31536000, immutable" : "no-cache";
    return c.body(file.body, 200, { "content-type": file.type, "cache-control": cache });
  }
  if (c.req.path === "/")
    return c.text(
      "The page is not built: run 'node services/console/web/build.ts'. GET /status has the same as JSON.\n",
      503,
    );
  return c.notFound();
}
