import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bus } from "../../shared/bus/bus.ts";
import { type WindowReply, WindowRequest } from "../../shared/contracts/inference-buffer.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import type { History } from "../../shared/history/history.ts";
import { writeWindow } from "../../shared/history/observations.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import type { Ingest } from "./ingest.ts";

const MOST_KEPT = 64;

/** Answers `inference-buffer.window`: one series as a Parquet artifact, with everything that is in the stream. */
export class Windows {
  private readonly history: History;
  private readonly ingest: Ingest;
  private readonly artifacts: Pick<Bus["artifacts"], "putFile">;
  private readonly folder: string;
  private readonly kept = new Map<string, { newest: number; reply: WindowReply }>();

  constructor(parts: {
    history: History;
    ingest: Ingest;
    artifacts: Pick<Bus["artifacts"], "putFile">;
    folder: string;
  }) {
    this.history = parts.history;
    this.ingest = parts.ingest;
    this.artifacts = parts.artifacts;
    this.folder = parts.folder;
  }

  /** @throws {InvalidInputError} naming the field of a request that is none */
  async answer(payload: unknown): Promise<WindowReply> {
    const parsed = WindowRequest.safeParse(payload ?? {});
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new InvalidInputError(
        `inference-buffer.window: field '${issue?.path.join(".")}': ${issue?.message}`,
      );
    }
    const request = parsed.data;
    await this.ingest.readOn();
    const stream = { last_sequence: this.ingest.lastSequence };
    const key = JSON.stringify(request);
    const newest = this.ingest.newestOf(request.series);
    const kept = this.kept.get(key);
    // Upkeep may have deleted old days since, but an answer given once is as good as it was.
    if (kept?.newest === newest) return { ...kept.reply, stream };
    await this.ingest.flush();
    const reply = { ...(await this.make(request)), stream };
    this.kept.set(key, { newest, reply });
    if (this.kept.size > MOST_KEPT) this.kept.delete(this.kept.keys().next().value!);
    return reply;
  }

  private async make({
    series,
    metric,
    entity,
    from,
    to,
  }: WindowRequest): Promise<Omit<WindowReply, "stream">> {
    await mkdir(this.folder, { recursive: true });
    const path = join(this.folder, `window-${newUuidV7()}.parquet`);
    try {
      const query = {
        series,
        metric,
        entity,
        ...(from === undefined ? {} : { fromMs: Date.parse(from) }),
        ...(to === undefined ? {} : { toMs: Date.parse(to) }),
      };
      const { rows, fromMs, toMs } = await writeWindow(this.history, query, path);
      const artifact = await this.artifacts.putFile(path);
      return { artifact, rows, from: iso(fromMs), to: iso(toMs) };
    } finally {
      await rm(path, { force: true });
    }
  }
}

function iso(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}
