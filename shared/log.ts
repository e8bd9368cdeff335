import { pino } from "pino";
import pretty from "pino-pretty";

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
  const options = { base: fields, level: env.LOG_LEVEL || "info" };
  if (!process.stderr.isTTY) return pino(options, pino.destination({ dest: 2, sync: false }));
  return pino(
    options,
    pretty({ destination: 2, sync: true, ignore: "pid,hostname", colorize: env.NO_COLOR === undefined }),
  );
}
