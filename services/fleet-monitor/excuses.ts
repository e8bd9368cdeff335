import {
  activeIntervals,
  type Incident,
  IncidentsState,
  type Interval,
  incidentsKey,
} from "../../shared/contracts/incidents.ts";
import { nextClosed, nextOpening, type TimeWindow } from "../../shared/schedule/windows.ts";
import type { ServiceContext } from "../../shared/service.ts";
import type { SpecStore } from "../../shared/specs.ts";
import type { Excused } from "./state.ts";

const DAY_MS = 86_400_000;
/** How far back maintenance windows are laid out: whoever was silent for longer is sunset anyway. */
const BACK_MS = 90 * DAY_MS;

/** Maintenance windows of a series as intervals, laid out as far as they were asked for. */
interface Calendar {
  readonly windows: string;
  readonly intervals: Interval[];
  untilMs: number;
}

/** Time that is no entity's silence though it was no outage: incidents of a series, and its maintenance windows. */
export class Excuses {
  private readonly specs: SpecStore;
  private readonly incidents = new Map<string, readonly Incident[]>();
  private readonly calendars = new Map<string, Calendar>();
  private stopWatch: () => void = () => {};

  constructor(specs: SpecStore) {
    this.specs = specs;
  }

  async open({ bus }: Pick<ServiceContext, "bus">): Promise<this> {
    const watch = await bus.kv("states", IncidentsState).watch("incidents.*", ({ key, value }) => {
      if (value === null) this.incidents.delete(key);
      else this.incidents.set(key, value.incidents);
    });
    this.stopWatch = () => watch.stop();
    return this;
  }

  /** @param newestMs event time of the series, up to which windows are laid out */
  of(series: string, newestMs: number): Excused {
    const incidents = activeIntervals(this.incidents.get(incidentsKey(series)) ?? [], { series });
    return [...incidents, ...this.maintenance(series, newestMs)];
  }

  stop(): void {
    this.stopWatch();
  }

  private maintenance(series: string, newestMs: number): readonly Interval[] {
    const windows = this.specs
      .all()
      .filter((spec) => spec.series === series && spec.enabled)
      .flatMap(({ trigger }) => trigger.maintenance);
    if (windows.length === 0 || !Number.isFinite(newestMs)) return [];
    const text = JSON.stringify(windows);
    let calendar = this.calendars.get(series);
    if (calendar?.windows !== text) calendar = { windows: text, intervals: [], untilMs: newestMs - BACK_MS };
    this.calendars.set(series, calendar);
    if (newestMs > calendar.untilMs) {
      const aheadMs = newestMs + DAY_MS;
      calendar.intervals.push(...openIntervals(windows, calendar.untilMs, aheadMs));
      calendar.untilMs = aheadMs;
      while ((calendar.intervals[0]?.toMs ?? Infinity) < newestMs - BACK_MS) calendar.intervals.shift();
    }
    return calendar.intervals;
  }
}

/** When one of the windows is open between two times, ascending. */
export function openIntervals(windows: readonly TimeWindow[], fromMs: number, toMs: number): Interval[] {
  const found: Interval[] = [];
  for (let at = fromMs; at < toMs; ) {
    const opens = nextOpening(windows, at);
    if (opens === null || opens >= toMs) break;
    const closes = Math.min(toMs, nextClosed(windows, opens) ?? toMs);
    found.push({ fromMs: opens, toMs: closes });
    at = closes;
  }
  return found;
}
