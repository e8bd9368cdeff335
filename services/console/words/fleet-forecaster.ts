import type { FleetView } from "../projection/view.ts";
import { count, figure, printable } from "./format.ts";

/** "20 entities, 5 of them unknown to the model; largest errors: web-3 (MAE 4.2, 1.3 times that of the last value)". */
export function fleetText({ entities, known, worst }: FleetView): string {
  const unknown = entities - known;
  const named = worst.map(({ entity, mae, versus_last_value }) => {
    const versus =
      versus_last_value === null ? "" : `, ${figure(versus_last_value, 3)} times that of the last value`;
    return `${printable(entity)} (MAE ${figure(mae)}${versus})`;
  });
  return [
    `${count(entities, "entity", "entities")}${unknown > 0 ? `, ${unknown} of them unknown to the model` : ""}`,
    ...(named.length === 0 ? [] : [`largest errors: ${named.join(", ")}`]),
  ].join("; ");
}
