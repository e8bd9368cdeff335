import { runService } from "../../../shared/service.ts";
import type { ConnectionFlags } from "../connect.ts";
import { service } from "../service.ts";
import { freshPage } from "../web/build.ts";

export interface ServeFlags extends ConnectionFlags {
  readonly port?: number;
  readonly host?: string;
}

/** `retune serve`: the console alone in this process, as a container runs it. */
export async function serve(flags: ServeFlags, env: NodeJS.ProcessEnv): Promise<void> {
  const { server, port, host, ...identity } = flags;
  const asked: [string, string | undefined][] = [
    ["NATS_URL", server],
    ["RETUNE_PORT", port?.toString()],
    ["RETUNE_HOST", host],
    ...Object.entries(identity).map(([name, value]): [string, string | undefined] => [
      `NATS_${name.toUpperCase()}`,
      value,
    ]),
  ];
  const given = asked.filter(([, value]) => value !== undefined);
  await freshPage((line) => process.stderr.write(`retune: ${line}\n`));
  await runService(service, { ...env, ...Object.fromEntries(given) });
}
