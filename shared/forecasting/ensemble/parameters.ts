import type { ModelParams } from "../../contracts/live-config.ts";
import { arimaFamily } from "../arima/family.ts";
import { etsFamily } from "../ets/family.ts";
import { type ModelFamily, type ModelParameter, parameterOf } from "../family.ts";
import { GBDT_PARAMETERS } from "../gbdt/parameters.ts";
import { linearFamily } from "../linear/family.ts";
import { varFamily } from "../var/family.ts";
import type { Weighting } from "./weights.ts";

/** Families that may be members beside the foundation model, and whether they are unless told. */
const MEMBERS: Readonly<Record<string, boolean>> = {
  arima: true,
  var: true,
  ets: true,
  linear: true,
  gbdt: false,
  "seasonal-naive": true,
  "last-value": false,
};

/** Flag of the pretrained model that the spec names. */
const FOUNDATION = "foundation";

const tunable: readonly Pick<ModelFamily, "name" | "parameters">[] = [
  arimaFamily,
  varFamily,
  etsFamily,
  linearFamily,
  { name: "gbdt", parameters: GBDT_PARAMETERS },
];

/** Whose weights, how many windows they are found on, and each member's own parameters behind its name and a dot. */
export const ENSEMBLE_PARAMETERS: readonly ModelParameter[] = [
  {
    name: "weighting",
    description:
      "what weights minimise: pinball loss of the law, squared error of medians (nnls), nothing (equal)",
    kind: "choice",
    choices: ["pinball", "nnls", "equal"],
    default: "pinball",
  },
  {
    name: "windows",
    description:
      "cutoffs that weights are found on; training costs as many forecasts of each member and series",
    kind: "integer",
    min: 4,
    max: 64,
    default: 16,
  },
  flag(FOUNDATION, true, "the pretrained model that the spec names is a member, if it names one"),
  ...Object.entries(MEMBERS).map(([name, standard]) => flag(name, standard, `family ${name} is a member`)),
  ...tunable.flatMap(({ name, parameters }) =>
    parameters.map((parameter) => ({ ...parameter, name: `${name}.${parameter.name}` })),
  ),
];

function flag(name: string, standard: boolean, description: string): ModelParameter {
  return { name, description, kind: "choice", choices: [true, false], default: standard };
}

const self = { parameters: ENSEMBLE_PARAMETERS };

export function weightingOf(params?: ModelParams): Weighting {
  return parameterOf(self, "weighting", params) as Weighting;
}

export function windowsOf(params?: ModelParams): number {
  return Number(parameterOf(self, "windows", params));
}

/** Names of the families, beside the foundation model, that are members. */
export function wantedFamilies(params?: ModelParams): string[] {
  return Object.keys(MEMBERS).filter((name) => parameterOf(self, name, params) === true);
}

/** Whether a member takes part: a flag turned off takes it out (E-RUN-1). */
export function isEnabled(family: string, params: ModelParams = {}): boolean {
  if (params[family] !== undefined) return params[family] === true;
  return family in MEMBERS || params[FOUNDATION] !== false;
}

/** A member's own parameters: those behind its name and a dot. */
export function paramsOfMember(family: string, params: ModelParams = {}): ModelParams {
  const prefix = `${family}.`;
  return Object.fromEntries(
    Object.entries(params)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
}
