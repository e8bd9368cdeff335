import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, copyFile, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { append, DAY_1, DAY_MS, parquetFiles, sequences, temporaryFolder } from "./history.fixture.ts";
import { History } from "./history.ts";

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("the Parquet history after a crash", () => {
  it("ignores and removes what the manifest does not name", async () => {
    const history = await History.open({ folder });
    await append(history, 1, [1, 2]);
    await history.close();
    const part = join(folder, "metrics_2026-03-01.part-1-2.parquet");
    await copyFile(part, join(folder, "metrics_2026-03-01.part-3-4.parquet"));
    await writeFile(join(folder, "metrics_2026-03-01.part-5-6.parquet.tmp"), "half");
    await appendFile(join(folder, "manifest.ndjson"), '{"part":{"file":"metr');
    const again = await History.open({ folder });
    expect(await sequences(again)).toEqual([1, 2]);
    await append(again, 3, [3]);
    expect(await sequences(again)).toEqual([1, 2, 3]);
    expect(await parquetFiles(folder)).toHaveLength(2);
    await again.close();
  });

  it("finishes a merge that was cut off after its line in the manifest", async () => {
    const history = await History.open({ folder });
    await append(history, 1, [1]);
    await append(history, 2, [2]);
    const before = await readFile(join(folder, "manifest.ndjson"), "utf8");
    const part = "metrics_2026-03-01.part-1-1.parquet";
    await copyFile(join(folder, part), join(folder, "saved"));
    await history.upkeep(DAY_1 + DAY_MS);
    const { file, ...into } = history.files[0]!;
    await history.close();
    await copyFile(join(folder, file), join(folder, `${file}.merged`));
    await rm(join(folder, file));
    await copyFile(join(folder, "saved"), join(folder, part));
    const line = JSON.stringify({
      merge: {
        into: { file, ...into },
        temporary: `${file}.merged`,
        from: [part, "metrics_2026-03-01.part-2-2.parquet"],
      },
    });
    await writeFile(join(folder, "manifest.ndjson"), `${before}${line}\n`);
    const again = await History.open({ folder });
    expect(again.problems).toEqual([]);
    expect(await sequences(again)).toEqual([1, 2]);
    expect(await parquetFiles(folder)).toEqual([file]);
    await again.close();
  });

  it("sets a damaged file aside, says so, and keeps the rest (D-BUF-2)", async () => {
    const history = await History.open({ folder });
    await append(history, 1, [1]);
    await append(history, 2, [2]);
    await history.close();
    await truncate(join(folder, "metrics_2026-03-01.part-1-1.parquet"), 100);
    const again = await History.open({ folder });
    expect(again.problems).toEqual([expect.stringContaining("metrics_2026-03-01.part-1-1.parquet")]);
    expect(await sequences(again)).toEqual([2]);
    expect(await readdir(join(folder, "corrupt"))).toEqual(["metrics_2026-03-01.part-1-1.parquet"]);
    await again.close();
  });

  it("finds damage and foreign files while it is open, and tells of each once (D-BUF-2)", async () => {
    const history = await History.open({ folder });
    for (let seq = 1; seq <= 3; seq++) await append(history, seq, [seq]);
    expect(await history.scrub()).toEqual([]);
    const part = "metrics_2026-03-01.part-2-2.parquet";
    const bytes = await readFile(join(folder, part));
    bytes[20] = bytes[20]! ^ 1;
    await writeFile(join(folder, part), bytes);
    await writeFile(join(folder, "other.parquet"), "x");
    expect(await history.scrub()).toEqual([
      expect.stringContaining(`${part} has other bytes`),
      expect.stringContaining("other.parquet is not of this history: ignored"),
    ]);
    expect(await history.scrub()).toEqual([]);
    expect(await sequences(history)).toEqual([1, 3]);
    await append(history, 4, [4]);
    expect(await sequences(history)).toEqual([1, 3, 4]);
    await history.close();
  });

  it("is held by one process at a time", async () => {
    const script = `import { History } from ${JSON.stringify(join(import.meta.dirname, "history.ts"))};
      await History.open({ folder: ${JSON.stringify(folder)} }); console.log("open"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    await once(child.stdout, "data");
    await expect(History.open({ folder })).rejects.toThrow(/held by another process/);
    child.kill("SIGKILL");
    await exited;
    await (await History.open({ folder })).close();
  });

  it("keeps a merged file when a later merge of its day was cut off while it was written", async () => {
    const history = await History.open({ folder });
    await append(history, 1, [1]);
    await append(history, 2, [2]);
    const before = await readFile(join(folder, "manifest.ndjson"), "utf8");
    await history.upkeep(DAY_1 + DAY_MS);
    const into = history.files[0]!;
    await history.close();
    const from = [1, 2].map((seq) => `metrics_2026-03-01.part-${seq}-${seq}.parquet`);
    const merge = { into, temporary: `${into.file}.merged`, from };
    await writeFile(join(folder, "manifest.ndjson"), `${before}${JSON.stringify({ merge })}\n`);
    await writeFile(join(folder, `${into.file}.merged`), "half");
    await copyFile(join(folder, into.file), join(folder, "saved"));
    const again = await History.open({ folder });
    expect(again.problems).toEqual([]);
    expect(await sequences(again)).toEqual([1, 2]);
    expect(await readFile(join(folder, into.file))).toEqual(await readFile(join(folder, "saved")));
    expect(await readdir(folder)).not.toContain(`${into.file}.merged`);
    await again.close();
  });
});
