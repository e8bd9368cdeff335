import { pino } from "pino";

/** Structured log: facts in fields, one short sentence as message. Errors go in the field `err`. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
}

/** JSON lines on stderr, readable text where stderr is a terminal. `LOG_LEVEL` sets the level (default info). */
export function createLog(env: NodeJS.ProcessEnv, fields: object = {}): Log {
  const level = env.LOG_LEVEL ?? "info";
  const base = { base: fields, level };
  if (!process.stderr.isTTY) return pino(base, pino.destination({ dest: 2, sync: false }));
  const transport = pino.transport({
    target: "pino-pretty",
    options: { destination: 2, ignore: "pid,hostname", colorize: env.NO_COLOR === undefined },
  });
  return pino(base, transport);
}
