import { runUp } from "../up.ts";
import { freshPage } from "../web/build.ts";

export interface UpFlags {
  readonly demo: boolean;
  readonly port?: number;
  readonly data?: string;
}

/** `retune up`: the whole system in this process, with the demo unless told otherwise. */
export async function up({ demo, port, data }: UpFlags): Promise<void> {
  await freshPage((line) => process.stderr.write(`retune: ${line}\n`));
  await runUp({ demo, ...(port === undefined ? {} : { port }), ...(data === undefined ? {} : { data }) });
}
