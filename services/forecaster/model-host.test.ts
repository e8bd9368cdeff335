import { expect, it } from "vitest";
import { ThreadedModelHost } from "./model-host.ts";

const context = Float32Array.from({ length: 32 }, () => 10);
const spec = { horizon: 2, context_length: 32, num_samples: 5, temperature: 1, seed: 1 };
/** More steps than a thread has memory for. */
const TOO_MUCH = { ...spec, horizon: 4_000_000, num_samples: 1 };

it("a model whose thread dies while it is released is released, and others are opened anew", async () => {
  const host = new ThreadedModelHost(1);
  const [retired, served] = [
    await host.open("last-value", undefined),
    await host.open("last-value", undefined),
  ];
  const dying = served.forecast([context], TOO_MUCH);
  const released = retired.release();
  await expect(dying).rejects.toThrow(/a model thread died/);
  await released;
  const forecasts = await Promise.all([1, 2].map(() => served.forecast([context], spec)));
  expect(forecasts.map(([forecast]) => [...forecast!.mean])).toEqual([
    [10, 10],
    [10, 10],
  ]);
  await host.close();
});
