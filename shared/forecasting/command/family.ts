import { InvalidInputError } from "../../errors.ts";
import type { Bundle } from "../bundle/bundle.ts";
import { openBundle } from "../bundle/open-bundle.ts";
import {
  type LoadOptions,
  type ModelFamily,
  type ModelParameter,
  type OpenedFamily,
  parameterOf,
  type TrainingRequest,
} from "../family.ts";
import { readArtifact } from "./artifact.ts";
import { openCommandModel } from "./model.ts";
import { runTrainer } from "./run-trainer.ts";
import { allowedTrainers, type Trainer, trainerOf } from "./trainers.ts";
import { inWorkFolder } from "./work-folder.ts";

/**
 * Models of external trainers: `model_params.trainer` names one that this machine allows (`RETUNE_TRAINERS`), which is run
 * as a process on the data and leaves an ONNX model behind. Its parameters are those that its `trainer.json` declares.
 * Retune's sampling layer draws from the quantiles its model predicts.
 */
export const commandFamily: ModelFamily = commandFamilyOf(allowedTrainers(process.env));

/** @throws {InvalidInputError} where two trainers declare one parameter differently */
export function commandFamilyOf(trainers: ReadonlyMap<string, Trainer>): ModelFamily {
  const parameters = parametersOf(trainers);
  return {
    name: "command",
    heeds: ["context_length", "num_samples", "temperature"],
    parameters,
    artifact: "trained",
    open,
    train: (request) => train(trainers, request),
  };
}

function parametersOf(trainers: ReadonlyMap<string, Trainer>): readonly ModelParameter[] {
  const names = [...trainers.keys()];
  const found = new Map<string, ModelParameter>([
    [
      "trainer",
      {
        ...{
          name: "trainer",
          description: "which of the trainers in RETUNE_TRAINERS is run",
          kind: "choice",
        },
        ...{ choices: names, default: names[0] ?? "" },
      },
    ],
  ]);
  for (const { name, parameters } of trainers.values()) {
    for (const parameter of parameters) {
      const known = found.get(parameter.name);
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(parameter))
        throw new InvalidInputError(
          `trainer '${name}': another one has a parameter '${parameter.name}' of another kind`,
        );
      found.set(parameter.name, parameter);
    }
  }
  return [...found.values()];
}

async function train(trainers: ReadonlyMap<string, Trainer>, request: TrainingRequest): Promise<Bundle> {
  const { model_params = {} } = request.params;
  const chosen = model_params.trainer ?? [...trainers.keys()][0];
  const trainer = trainerOf(trainers, chosen);
  const own = trainer.parameters.map(({ name }) => [name, parameterOf(trainer, name, model_params)]);
  return inWorkFolder(trainer, request, Object.fromEntries(own), async ({ folder, artifact }) => {
    await runTrainer({ trainer, folder });
    return readArtifact(artifact, trainer, request);
  });
}

async function open(artifact: string | Uint8Array | undefined, options: LoadOptions): Promise<OpenedFamily> {
  return openCommandModel(await openBundle(artifact, "command"), "command", options);
}
