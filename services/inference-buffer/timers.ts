import { explain } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";

const RETRY_MS = 1_000;

type Reporting = Pick<ServiceContext, "log" | "reportHealth">;

/** Runs `task` every `everyMs` of real time, never twice at once; a failure shows in the health until it is over. */
export function repeated(
  everyMs: number,
  name: string,
  reporting: Reporting,
  task: () => Promise<void>,
): { stop(): void } {
  let running = false;
  const timer = setInterval(() => {
    if (running) return;
    running = true;
    void attempt(name, reporting, task).finally(() => {
      running = false;
    });
  }, everyMs);
  return { stop: () => clearInterval(timer) };
}

/** Runs `task` once nobody has asked for it for `quietMs`, and again a second later for as long as it fails. */
export function afterQuiet(
  quietMs: number,
  name: string,
  reporting: Reporting,
  task: () => Promise<void>,
): { ask(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const plan = (delayMs: number) => {
    clearTimeout(timer);
    if (stopped) return;
    timer = setTimeout(() => {
      void attempt(name, reporting, task).then((done) => {
        if (!done) plan(RETRY_MS);
      });
    }, delayMs);
  };
  return {
    ask: () => plan(quietMs),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

async function attempt(
  name: string,
  { log, reportHealth }: Reporting,
  task: () => Promise<void>,
): Promise<boolean> {
  try {
    await task();
    reportHealth(name, null);
    return true;
  } catch (err) {
    reportHealth(name, `${name} failed: ${explain(err)}`);
    log.error({ err }, `${name} failed, will try again`);
    return false;
  }
}
