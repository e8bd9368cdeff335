import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TrainerFile } from "./contract.ts";

const PROGRAM = new URL("./trainer.fixture.ts", import.meta.url).pathname;

/** A folder for `RETUNE_TRAINERS` with these trainers, each `trainer.fixture.ts` unless told. */
export async function makeTrainers(
  trainers: Readonly<Record<string, Partial<TrainerFile>>>,
): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "retune-trainers-"));
  for (const [name, over] of Object.entries(trainers)) {
    const deed = {
      name: "deed",
      description: "what to do",
      kind: "choice",
      choices: ["nothing"],
      default: "nothing",
    };
    const file = { command: [process.execPath, PROGRAM], parameters: [deed], ...over };
    await mkdir(join(home, name));
    await writeFile(join(home, name, "trainer.json"), JSON.stringify(file));
  }
  return home;
}
