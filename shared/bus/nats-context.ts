import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { InvalidInputError } from "../errors.ts";

/** The fields of a `nats` CLI context that say where and how to connect; others are left alone. */
const ContextFile = z.looseObject({
  url: z.string().optional(),
  user: z.string().optional(),
  password: z.string().optional(),
  token: z.string().optional(),
  creds: z.string().optional(),
  nkey: z.string().optional(),
  cert: z.string().optional(),
  key: z.string().optional(),
  ca: z.string().optional(),
  nsc: z.string().optional(),
  inbox_prefix: z.string().optional(),
  tls_first: z.boolean().optional(),
});
export type NatsContext = z.infer<typeof ContextFile>;

export interface LoadedContext {
  readonly path: string;
  readonly fields: NatsContext;
}

/**
 * Reads a context as the `nats` CLI stores it: `<config>/nats/context/<name>.json`, where `<config>`
 * is `$XDG_CONFIG_HOME` or `~/.config`. Without a name, the one selected in `<config>/nats/context.txt`.
 *
 * @returns undefined when no name is given and none is selected
 * @throws {InvalidInputError} unknown name, not JSON, a field of the wrong type, or an `nsc` look-up,
 *   which needs the nsc program: such a context names its `creds` file instead
 */
export function loadNatsContext(name: string | undefined, env: NodeJS.ProcessEnv): LoadedContext | undefined {
  const directory = join(env.XDG_CONFIG_HOME || join(homeOf(env), ".config"), "nats");
  const chosen = name || selectedContext(join(directory, "context.txt"));
  if (!chosen) return undefined;
  if (chosen.includes("..") || /[/\\]/.test(chosen)) {
    throw new InvalidInputError(
      `NATS context '${chosen}' is not a name: it may hold neither '..' nor a slash`,
    );
  }
  const path = join(directory, "context", `${chosen}.json`);
  const fields = parseContext(path, chosen);
  if (fields.nsc && !fields.creds) {
    throw new InvalidInputError(
      `NATS context file '${path}', field 'nsc': look-ups through nsc are not supported, set 'creds' to the credentials file`,
    );
  }
  return { path, fields };
}

/** The home directory a process with this environment would see. */
export function homeOf(env: NodeJS.ProcessEnv): string {
  return env.HOME || homedir();
}

function selectedContext(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined; // no selection is the normal case
  }
}

function parseContext(path: string, name: string): NatsContext {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new InvalidInputError(`NATS context '${name}' is unknown: cannot read '${path}'`, { cause });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new InvalidInputError(`NATS context file '${path}' is not JSON`, { cause });
  }
  const parsed = ContextFile.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") || "(whole file)";
  throw new InvalidInputError(`NATS context file '${path}', field '${field}': ${issue?.message}`);
}
