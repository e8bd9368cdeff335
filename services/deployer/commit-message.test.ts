import { expect, it } from "vitest";
import { deploymentMessage, readTrailers, rollbackMessage } from "./commit-message.ts";
import { liveConfig } from "./deployer.fixture.ts";

const config = liveConfig({ validation_rmse: 8.45, temperature: 1, timestamp: "2025-01-13T02:30:00.000Z" });

it("a deployment's commit tells what went live, in the seed's words (A-DEP-3)", () => {
  expect(deploymentMessage(config).split("\n")).toEqual([
    "Deploy optimized config for usdclp-7d",
    "",
    "RMSE: 8.45",
    "Context: 180",
    "Samples: 100",
    "Temperature: 1.0",
    "Optimized: 2025-01-13T02:30:00.000Z",
    "",
    `Retune-Run: ${config.run_id}`,
  ]);
});

it.each([
  ["a deployment", deploymentMessage(config), { run: config.run_id, rollback: false }],
  ["a rollback", rollbackMessage("usdclp-7d", config, 4, "r1"), { run: "r1", rollback: true }],
  ["a rollback to nothing", rollbackMessage("usdclp-7d", null, 1, "r2"), { run: "r2", rollback: true }],
  ["a person's commit", "tidy up\n\nRetune-Runner: no", undefined],
])("the trailers of %s are read back", (_, body, expected) => {
  expect(readTrailers(body)).toEqual(expected);
});
