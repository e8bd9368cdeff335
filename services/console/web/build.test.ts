import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { isStale } from "./build.ts";

it("builds the page when it is missing or older than a source, and not for tests, dist or node_modules", async () => {
  const folder = await mkdtemp(join(tmpdir(), "retune-build-"));
  const write = async (name: string, seconds: number) => {
    await mkdir(join(folder, name, ".."), { recursive: true });
    await writeFile(join(folder, name), "");
    await utimes(join(folder, name), seconds, seconds);
  };
  const built = join(folder, "dist", "index.html");
  await write("src/main.tsx", 100);
  expect(isStale(built, [folder])).toBe(true);
  await write("dist/index.html", 200);
  expect(isStale(built, [folder])).toBe(false);
  await write("src/chart.test.ts", 300);
  await write("node_modules/x/index.js", 300);
  await write("dist/assets/a.js", 300);
  expect(isStale(built, [folder])).toBe(false);
  await write("src/deep/card.tsx", 300);
  expect(isStale(built, [join(folder, "absent"), folder])).toBe(true);
  await rm(folder, { recursive: true });
});
