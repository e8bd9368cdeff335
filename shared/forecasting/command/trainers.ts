import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { z } from "zod";
import { durationMs } from "../../contracts/duration.ts";
import { explain, InvalidInputError } from "../../errors.ts";
import { TrainerFile } from "./contract.ts";

/** Longest that any trainer may take. (D-TRN-1) */
export const MAX_TIME_MS = 4 * 3_600_000;
const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** A command that this machine allows to be run. */
export interface Trainer extends TrainerFile {
  readonly name: string;
  /** absolute */
  readonly folder: string;
}

/**
 * The trainers that whoever runs this machine allows: the folders of `RETUNE_TRAINERS` that hold a `trainer.json`, by
 * their names. None where the variable is not set.
 *
 * Specs come over the bus, so they name a trainer and give numbers to it; what is run, where and within which limits
 * stands in files of this machine alone.
 *
 * @throws {InvalidInputError} naming the file and its wrong field
 */
export function allowedTrainers(env: NodeJS.ProcessEnv): ReadonlyMap<string, Trainer> {
  const { RETUNE_TRAINERS: setting } = env;
  if (setting === undefined || setting === "") return new Map();
  const home = resolve(setting);
  const trainers = names(home).flatMap((name) => {
    const path = join(home, name, "trainer.json");
    return statSync(path, { throwIfNoEntry: false })?.isFile()
      ? [readTrainer(name, join(home, name), path)]
      : [];
  });
  return new Map(trainers.map((trainer) => [trainer.name, trainer]));
}

export function timeLimitMs({ time_limit }: Pick<Trainer, "time_limit">): number {
  return durationMs(time_limit);
}

/** @throws {InvalidInputError} naming the trainers there are */
export function trainerOf(trainers: ReadonlyMap<string, Trainer>, name: unknown): Trainer {
  const found = typeof name === "string" ? trainers.get(name) : undefined;
  if (found !== undefined) return found;
  const known = [...trainers.keys()];
  const expected =
    known.length === 0
      ? "but RETUNE_TRAINERS allows none on this machine"
      : `expected one of ${known.join(", ")}`;
  throw new InvalidInputError(`model_params.trainer is '${String(name)}', ${expected}`);
}

function names(home: string): string[] {
  try {
    return readdirSync(home)
      .filter((name) => NAME.test(name))
      .sort();
  } catch (cause) {
    throw new InvalidInputError(`RETUNE_TRAINERS is '${home}': ${explain(cause)}, expected a folder`, {
      cause,
    });
  }
}

function readTrainer(name: string, folder: string, path: string): Trainer {
  try {
    const file = TrainerFile.parse(JSON.parse(readFileSync(path, "utf8")));
    if (timeLimitMs(file) > MAX_TIME_MS)
      throw new Error(`time_limit is ${file.time_limit}, expected at most 4h`);
    return { ...file, name, folder, command: file.command.map((part) => inFolder(part, folder)) };
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : explain(cause);
    throw new InvalidInputError(`trainer '${path}' cannot be used: ${why}`, { cause });
  }
}

function inFolder(part: string, folder: string): string {
  if (!part.startsWith("./")) return part;
  const path = resolve(folder, part);
  if (!path.startsWith(folder + sep))
    throw new Error(`command has '${part}', expected a file of the trainer's folder`);
  return path;
}
