import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { ZodType } from "zod";
import { type Connection, connectBus } from "./bus/connect.ts";
import { connectionSettings } from "./bus/settings.ts";
import { check } from "./check.ts";
import { explain } from "./errors.ts";
import { createLog } from "./log.ts";
import { codeVersion, type Folders, folders, instanceName } from "./service.ts";

/** What a tool gets. */
export interface ToolParts {
  readonly dirs: Folders;
  readonly version: string;
  readonly connect: () => Promise<Connection>;
  /** Progress for people, a line at a time. */
  readonly say: (line: string) => void;
}

/**
 * A process that answers one question and ends: the request as JSON on stdin, the report as JSON on stdout, progress
 * on stderr. Where it fails the last line there says why, and the exit code is 1.
 */
export async function runTool<Request, Report>(tool: {
  readonly name: string;
  readonly request: ZodType<Request>;
  readonly report: ZodType<Report>;
  readonly answer: (request: Request, parts: ToolParts) => Promise<Report>;
}): Promise<void> {
  const say = (line: string) => process.stderr.write(`${line}\n`);
  try {
    const request = check(tool.request, JSON.parse(await text(process.stdin)), "the request on stdin");
    const { env } = process;
    const dirs = folders(env);
    const version = codeVersion(env);
    const log = createLog({ LOG_LEVEL: "error", ...env });
    const connect = () =>
      connectBus(connectionSettings({}, env), {
        source: `retune/${tool.name}/${instanceName()}`,
        artifactFolder: join(dirs.data, "artifacts"),
        codeVersion: version,
        log,
        now: () => Date.now(),
      });
    const report = await tool.answer(request, { dirs, version, connect, say });
    process.stdout.write(JSON.stringify(tool.report.parse(report)));
  } catch (error) {
    say(`retune: ${explain(error)}`);
    process.exitCode = 1;
  }
}
