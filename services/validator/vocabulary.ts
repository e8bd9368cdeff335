import { readFile } from "node:fs/promises";
import type { BacktestData } from "../../shared/forecasting/backtest.ts";
import { readBundle } from "../../shared/forecasting/bundle/bundle.ts";
import { familyOf } from "../../shared/forecasting/families.ts";
import type { Contender } from "./measure.ts";
import type { Unknown } from "./state.ts";

/**
 * Entities of the data that each model was not trained with, by name; undefined where the data is of no fleet. A model
 * without a vocabulary forecasts whatever it is shown, and so knows everybody.
 */
export async function unknownEntities(
  { series }: Pick<BacktestData, "series">,
  { candidate, champion }: { readonly candidate: Contender; readonly champion: Contender | null },
): Promise<Unknown | undefined> {
  const entities = series.flatMap(({ entity }) => entity ?? []).sort();
  if (entities.length === 0) return undefined;
  return {
    entities: entities.length,
    candidate: await unknownTo(candidate, entities),
    champion: champion === null ? [] : await unknownTo(champion, entities),
  };
}

async function unknownTo(
  { config, artifactPath }: Contender,
  entities: readonly string[],
): Promise<readonly string[]> {
  if (artifactPath === undefined || (await familyOf(config.model)).artifact !== "trained") return [];
  const { vocabulary } = readBundle(await readFile(artifactPath), artifactPath).info;
  if (vocabulary === undefined) return [];
  const known = new Set(vocabulary);
  return entities.filter((entity) => !known.has(entity));
}
