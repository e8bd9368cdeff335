import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startTestNats } from "../../../test/support/nats.ts";
import { runMain } from "../testing/run-main.ts";

it("retune serve uses the certificate authority of --tlsca: one that cannot be read ends it", async () => {
  await using nats = await startTestNats();
  const folder = await mkdtemp(join(tmpdir(), "retune-serve-"));
  try {
    const args = ["serve", "--port", "0", "--server", nats.url, "--tlsca", join(folder, "none.pem")];
    const { code, errors } = await runMain(args, { RETUNE_DATA: folder });
    expect(errors).toContain(`NATS_CA: cannot read '${join(folder, "none.pem")}'`);
    expect(code).toBe(1);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
