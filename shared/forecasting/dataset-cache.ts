import type { ArtifactStore } from "../bus/artifacts.ts";
import { readFleetWindow } from "../history/window.ts";
import { windowCache } from "../history/window-cache.ts";
import { Recent } from "../recent.ts";
import { type BacktestData, oneSeries } from "./backtest-data.ts";
import type { StepGrid } from "./quantile-forecast.ts";

/** How a stored dataset is to be read. */
export interface DatasetAbout {
  /** it has a column `entity`, and many series */
  readonly fleet: boolean;
  readonly grid: StepGrid;
  readonly seasonLength: number | "auto";
}

export interface DatasetCache {
  /**
   * The same object for the same question while it is remembered.
   *
   * @throws as `ArtifactStore.fetch`, `readWindow` and `readFleetWindow`
   */
  get(digest: string, about: DatasetAbout): Promise<BacktestData>;
  /** Has the dataset read again, from the disk, by whoever wants it next. */
  delete(digest: string): void;
}

/** Series and times of a dataset, which all ways to read it share. */
type Content = Pick<BacktestData, "series"> & { readonly times: Float64Array };

/** The digest is the content, so every service of a process may use what another one has read. */
const contents = new Recent<Content>();
const readings = new WeakMap<Content, Map<string, BacktestData>>();

/** The datasets that this process has read last; none of them may be changed. */
export function datasetCache(artifacts: Pick<ArtifactStore, "fetch">): DatasetCache {
  const windows = windowCache(artifacts);
  const read = async (digest: string, fleet: boolean): Promise<Content> => {
    if (fleet) return readFleetWindow(await artifacts.fetch(digest));
    const { times, values } = await windows.get(digest);
    return { times, series: oneSeries(values, 1).series };
  };
  return {
    async get(digest, { fleet, grid, seasonLength }) {
      const content = await contents.get(contentKey(digest, fleet), () => read(digest, fleet));
      const known = readings.get(content) ?? new Map<string, BacktestData>();
      readings.set(content, known);
      const key = [grid.stepMs, grid.calendar, seasonLength].join(" ");
      const reading = known.get(key) ?? { ...content, grid, seasonLength };
      known.set(key, reading);
      return reading;
    },
    delete(digest) {
      windows.delete(digest);
      for (const fleet of [true, false]) contents.delete(contentKey(digest, fleet));
    },
  };
}

function contentKey(digest: string, fleet: boolean): string {
  return `${digest} ${fleet ? "fleet" : "series"}`;
}
