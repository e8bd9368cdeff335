import type { Bus } from "../../../shared/bus/bus.ts";
import type { Connection } from "../../../shared/bus/connect.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import type { ConnectionFlags } from "../connect.ts";
import type { Terminal } from "../terminal.ts";
import { list } from "../words/format.ts";

/** What every command gets. `flags.json` asks for JSON instead of text. */
export interface CommandFlags extends ConnectionFlags {
  readonly json?: boolean;
}

/** A command over a connection; the result is the exit code. */
export type BusCommand<F extends CommandFlags = CommandFlags> = (
  parts: {
    readonly bus: Bus;
    readonly connection: Connection;
    readonly terminal: Terminal;
    readonly flags: F;
  },
  ...operands: string[]
) => Promise<number>;

/** Prints a value as JSON, indented. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(JSON.stringify(value, null, 2));
}

/**
 * The applied spec of a forecaster.
 * @throws {InvalidInputError} naming those that are known
 */
export async function knownForecaster(bus: Bus, id: string): Promise<ForecasterSpec> {
  const bucket = bus.kv("specs", ForecasterSpec);
  const specs = await bucket.entries();
  const spec = specs.find(({ key }) => key === id);
  if (spec !== undefined) return spec.value;
  const known = specs.map(({ key }) => key).sort();
  throw new InvalidInputError(
    `no forecaster is called '${id}'; ${known.length === 0 ? "none is known: describe one in configs/forecasters and run 'retune provision'" : `known: ${list(known)}`}`,
  );
}

/** Who asks: for receipts. */
export function person(env: NodeJS.ProcessEnv): string {
  return env.USER || env.LOGNAME || "retune CLI";
}
