import { runService } from "../../../shared/service.ts";
import { type ConnectionFlags, connectionEnv } from "../connect.ts";
import { service } from "../service.ts";
import { freshPage } from "../web/build.ts";

export interface ServeFlags extends ConnectionFlags {
  readonly port?: number;
  readonly host?: string;
}

/** `retune serve`: the console alone in this process, as a container runs it. */
export async function serve(flags: ServeFlags, env: NodeJS.ProcessEnv): Promise<void> {
  await freshPage((line) => process.stderr.write(`retune: ${line}\n`));
  await runService(service, {
    ...connectionEnv(flags, env),
    ...(flags.port === undefined ? {} : { RETUNE_PORT: String(flags.port) }),
    ...(flags.host === undefined ? {} : { RETUNE_HOST: flags.host }),
  });
}
