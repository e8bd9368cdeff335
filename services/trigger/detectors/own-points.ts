import type { Situation } from "../judgement/situation.ts";
import { layoutOf } from "../monitor/layout.ts";
import { watchedName } from "../monitor/monitor.ts";
import type { Point } from "../state.ts";

/** Points of one sample or stream. */
export interface PointSource {
  readonly name: string;
  readonly points: readonly Point[];
  /** Points are at least this far apart. */
  readonly spacingMs: number;
}

/**
 * The forecaster's own errors or observed values: one source, or with `entities: all` one for each entity of the panel;
 * never none.
 */
export function ownPoints(
  { spec, monitor }: Pick<Situation, "spec" | "monitor">,
  of: "errors" | "values",
): PointSource[] {
  const { pointMs, panelMs } = layoutOf(spec);
  const { metric, entity } = spec;
  if (spec.entities === undefined)
    return [
      {
        name: of === "errors" ? "errors" : watchedName({ metric, entity }),
        points: monitor[of],
        spacingMs: pointMs,
      },
    ];
  const name = of === "errors" ? of : metric;
  const panel = Object.entries(monitor.panel).map(([member, kept]) => ({
    name: watchedName({ metric: name, entity: member }),
    points: kept[of],
    spacingMs: panelMs,
  }));
  return panel.length > 0 ? panel : [{ name, points: [], spacingMs: panelMs }];
}
