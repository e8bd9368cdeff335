import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { explain, InvalidInputError, UnavailableError } from "../../errors.ts";
import { OutOfMemoryError } from "../backtest-messages.ts";
import { groupMb, kernelMemoryKills } from "../process-memory.ts";
import { TrainerFailedError } from "./errors.ts";
import { type Trainer, timeLimitMs } from "./trainers.ts";

const LOOK_EVERY_MS = 250;
/** Of what a trainer says; the end of it stands in the error. */
const LOG_KEPT = 16 * 1024;
const LOG_SHOWN = 1_000;
const MB = 1024 * 1024;

/** Exit codes with a meaning, as sysexits.h has them. */
const EX_USAGE = 64;
const EX_DATAERR = 65;
const EX_TEMPFAIL = 75;
/** The shell's, for a command that cannot be run or is not there. */
const NOT_RUN = [126, 127];

/**
 * Starts the trainer as the leader of a process group, with no larger files than it may write. Beside it waits a shell
 * for the end of file 3, which comes with the end of the process that started it all, killed or not: then it ends the
 * trainer and removes the working folder, as nobody else will. File 3 and not standard input, which Node closes as soon
 * as the trainer has ended: the folder would go before it is read.
 */
const LAUNCH = `
  folder=$1 blocks=$2; shift 2
  ulimit -c 0 2>/dev/null; ulimit -f "$blocks" 2>/dev/null
  ( read -r _ <&3; kill -KILL $$; rm -rf -- "$folder"; kill -KILL -$$ ) >/dev/null 2>&1 &
  exec "$@" 3<&-`;

export interface TrainerRun {
  readonly trainer: Trainer;
  /** holds `request.json`; the trainer's current folder and home, where all that it adds counts as its output */
  readonly folder: string;
}

/**
 * Runs a trainer to its end. All its processes are gone when this returns, whatever they did, unless they left the process
 * group on purpose.
 *
 * @throws {InvalidInputError} when it refuses parameters (exit code 64) or data (65), or cannot be run
 * @throws {UnavailableError} when it asks to be tried again (75)
 * @throws {OutOfMemoryError} when it takes more memory than it may
 * @throws {TrainerFailedError} when it ends otherwise, takes too long, or writes too much; with the end of its log
 */
export async function runTrainer({ trainer, folder }: TrainerRun): Promise<void> {
  const given = await sizeOf(folder);
  const kills = kernelMemoryKills();
  const blocks = Math.ceil((trainer.output_mb * MB) / 512);
  const child = spawn(
    "/bin/sh",
    ["-c", LAUNCH, "sh", folder, String(blocks), ...trainer.command, "request.json"],
    {
      cwd: folder,
      env: environment(trainer, folder),
      detached: true, // a group of its own
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    },
  );
  const log = captureLog(child);
  const written = async () => (await sizeOf(folder)) - given;
  const verdict = watch(child, trainer, written);
  child.on("exit", () => endGroup(child)); // what it left behind would hold its output open
  const [code, signal] = (await once(child, "close").catch((cause: unknown) => {
    throw new UnavailableError(`trainer '${trainer.name}' cannot be started: ${explain(cause)}`, { cause });
  })) as [number | null, string | null];
  verdict.stop();
  const said = log();
  const ended = verdict.error();
  if (ended !== undefined) throw ended(said);
  if (code === 0) return;
  if (signal === "SIGKILL" && (kernelMemoryKills() ?? 0) > (kills ?? Infinity))
    throw new OutOfMemoryError(`trainer '${trainer.name}' was ended by the system, which ran out of memory`);
  throw failure(trainer, code, signal, said);
}

function failure(trainer: Trainer, code: number | null, signal: string | null, said: string): Error {
  const of = `trainer '${trainer.name}'`;
  if (code === EX_USAGE) return new InvalidInputError(`${of} refused its parameters${said}`);
  if (code === EX_DATAERR) return new InvalidInputError(`${of} cannot learn from the data${said}`);
  if (code === EX_TEMPFAIL) return new UnavailableError(`${of} asks to be tried again${said}`);
  if (code !== null && NOT_RUN.includes(code))
    return new InvalidInputError(`${of}: command '${trainer.command[0]}' cannot be run${said}`);
  if (signal === "SIGXFSZ") return tooMuch(trainer)(said);
  const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
  return new TrainerFailedError(`${of} ${how}${said}`);
}

type MakeError = (said: string) => Error;

/** Ends the trainer's processes as soon as they exceed a limit, and remembers which one. */
function watch(child: ChildProcess, trainer: Trainer, written: () => Promise<number>) {
  let exceeded: MakeError | undefined;
  const end = (error: MakeError) => {
    exceeded ??= error;
    endGroup(child);
  };
  const timer = setTimeout(() => {
    const { name, time_limit } = trainer;
    end(
      (said) =>
        new TrainerFailedError(`trainer '${name}' was ended after its time limit of ${time_limit}${said}`),
    );
  }, timeLimitMs(trainer));
  const look = async () => {
    if (child.pid === undefined) return;
    const taken = groupMb(child.pid);
    if (taken !== undefined && taken > trainer.memory_mb)
      end(
        (said) =>
          new OutOfMemoryError(`trainer '${trainer.name}' took more than ${trainer.memory_mb} MB${said}`),
      );
    if ((await written()) > trainer.output_mb * MB) end(tooMuch(trainer));
  };
  const looking = setInterval(() => void look(), LOOK_EVERY_MS);
  return {
    error: () => exceeded,
    stop: () => {
      clearTimeout(timer);
      clearInterval(looking);
    },
  };
}

function tooMuch({ name, output_mb }: Trainer): MakeError {
  return (said) => new TrainerFailedError(`trainer '${name}' wrote more than ${output_mb} MB${said}`);
}

/** Ends the whole process group. Its leader's number is not given away while anybody is left in it. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left.
  }
}

/** Keeps the end of what a process says. */
function captureLog(child: ChildProcess): () => string {
  let log = "";
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-LOG_KEPT);
    });
  }
  return () => {
    const lines = log.trimEnd().split("\n");
    const last = lines.pop() ?? "";
    const before = lines.join("\n").slice(-LOG_SHOWN).trim();
    return last === "" ? ", and said nothing" : `: ${last}${before === "" ? "" : `\nbefore that: ${before}`}`;
  };
}

/** Nothing of our own environment but what programs need to start: it may hold the bus's credentials. */
function environment({ env, folder: home }: Trainer, folder: string): NodeJS.ProcessEnv {
  const { PATH, LANG, LC_ALL, TZ } = process.env;
  return {
    ...{ PATH, LANG, LC_ALL, TZ },
    ...{ HOME: folder, TMPDIR: join(folder, "tmp"), RETUNE_TRAINER: home },
    ...{ OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1", MKL_NUM_THREADS: "1" },
    ...{ PYTHONHASHSEED: "0", PYTHONDONTWRITEBYTECODE: "1", PYTHONUNBUFFERED: "1" },
    ...env,
  };
}

/** Bytes below a folder; what goes away meanwhile counts nothing. */
async function sizeOf(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.size;
  const names = await readdir(path).catch(() => []);
  const sizes = await Promise.all(names.map((name) => sizeOf(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}
