import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { explain, UnavailableError } from "../../errors.ts";
import { quote, withMemory } from "../../history/duckdb.ts";
import { writeQuery } from "../../history/parquet.ts";
import type { Bundle } from "../bundle/bundle.ts";
import type { TrainingRequest } from "../family.ts";
import { timesUpTo } from "../tabular/calendar.ts";
import type { TrainerRequest } from "./contract.ts";
import { MAX_TIME_MS, type Trainer, timeLimitMs } from "./trainers.ts";

const ROWS_A_CHUNK = 10_000;
const PREFIX = "retune-training-";

/** The folder that a trainer works in, and where in it the model is to be. */
export interface WorkFolder {
  readonly folder: string;
  readonly artifact: string;
}

/**
 * Makes a fresh folder with the data and `request.json`, and removes it when `use` is done with it, whatever happened.
 *
 * @throws {UnavailableError} when it cannot be written, as on a full disk, and what `use` throws
 */
export async function inWorkFolder<T>(
  trainer: Trainer,
  training: TrainingRequest,
  params: TrainerRequest["params"],
  use: (work: WorkFolder) => Promise<T>,
): Promise<T> {
  await sweep(tmpdir());
  const folder = await mkdtemp(join(tmpdir(), PREFIX)).catch(unwritable(tmpdir()));
  try {
    const work = { folder, artifact: join(folder, "artifact") };
    await write(work, trainer, training, params).catch(unwritable(folder));
    return await use(work);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes what processes left behind that were killed before they had started the trainer, which would have seen to it. */
async function sweep(home: string): Promise<void> {
  const names = (await readdir(home).catch(() => [])).filter((name) => name.startsWith(PREFIX));
  for (const path of names.map((name) => join(home, name))) {
    const { mtimeMs = Date.now() } = (await stat(path).catch(() => undefined)) ?? {};
    if (Date.now() - mtimeMs > MAX_TIME_MS) await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

function unwritable(path: string): (cause: unknown) => never {
  return (cause) => {
    throw new UnavailableError(`the data for a trainer cannot be written to '${path}': ${explain(cause)}`, {
      cause,
    });
  };
}

async function write(
  { folder, artifact }: WorkFolder,
  trainer: Trainer,
  training: TrainingRequest,
  params: TrainerRequest["params"],
): Promise<void> {
  await mkdir(artifact);
  await mkdir(join(folder, "tmp"));
  const { series, grid, horizon, seasonLength, seed, parent } = training;
  const csv = join(folder, "dataset.csv");
  await pipeline(Readable.from(csvChunks(training)), createWriteStream(csv));
  if (trainer.dataset === "parquet") {
    await toParquet(csv, join(folder, "dataset.parquet"));
    await rm(csv);
  }
  if (parent !== null) await writeParent(parent, join(folder, "parent"));
  const request: TrainerRequest = {
    format: 1,
    dataset: {
      path: `dataset.${trainer.dataset}`,
      format: trainer.dataset,
      steps: series[0]?.values.length ?? 0,
      entities: series.flatMap(({ entity }) => entity ?? []),
    },
    ...{ artifact: "artifact", parent: parent === null ? null : "parent" },
    ...{ horizon, context_length: training.params.context_length, season_length: seasonLength },
    ...{ step_ms: grid.stepMs, calendar: grid.calendar, params, seed },
    time_limit_s: timeLimitMs(trainer) / 1000,
  };
  await writeFile(join(folder, "request.json"), `${JSON.stringify(request, null, 2)}\n`);
}

/** Lines of `ts,entity,value`: ms since the epoch, the entity in quotes or nothing, the value or nothing. */
function* csvChunks({ series, grid }: TrainingRequest): Generator<string> {
  yield "ts,entity,value\n";
  for (const { entity, values, endMs } of series) {
    const name = entity === null ? "" : `"${entity.replaceAll('"', '""')}"`;
    const times = timesUpTo(endMs, values.length, grid);
    for (let from = 0; from < values.length; from += ROWS_A_CHUNK) {
      let chunk = "";
      for (let t = from; t < Math.min(from + ROWS_A_CHUNK, values.length); t += 1) {
        const value = values[t]!;
        chunk += `${times[t]},${name},${Number.isNaN(value) ? "" : value}\n`;
      }
      yield chunk;
    }
  }
}

async function toParquet(csv: string, parquet: string): Promise<void> {
  const columns = "columns = {'ts': 'DOUBLE', 'entity': 'VARCHAR', 'value': 'DOUBLE'}";
  const read = `read_csv(${quote(csv)}, header = true, quote = '"', escape = '"', ${columns})`;
  const query = `SELECT make_timestamp_ms(ts::BIGINT) AS ts, entity, value FROM ${read}`;
  await withMemory((connection) => writeQuery(connection, query, parquet));
}

async function writeParent({ files }: Bundle, folder: string): Promise<void> {
  await mkdir(folder);
  for (const [name, bytes] of files) await writeFile(join(folder, basename(name)), bytes);
}
