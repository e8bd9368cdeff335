import type { Bus } from "../../../shared/bus/bus.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { InvalidInputError } from "../../../shared/errors.ts";

/** The applied spec of a forecaster. @throws {InvalidInputError} naming those that are known */
export async function specOf(bus: Bus, forecaster: string): Promise<ForecasterSpec> {
  const specs = bus.kv("specs", ForecasterSpec);
  const spec = await specs.get(forecaster);
  if (spec !== undefined) return spec.value;
  const ids = (await specs.keys()).sort();
  throw new InvalidInputError(
    `no forecaster is called '${forecaster}'; ${ids.length === 0 ? "none is known" : `known: ${ids.join(", ")}`}`,
  );
}
