import { Progress } from "../../../shared/contracts/optimizer.ts";
import { LiveArea } from "../live-area.ts";
import { toned } from "../terminal.ts";
import { progressLine } from "../words/bar.ts";
import { moment } from "../words/format.ts";
import { type BusCommand, type CommandFlags, knownForecaster } from "./command.ts";
import { replayLine } from "./replay.ts";

/** A search that has not been heard of for so long is shown no more. */
const FORGET_MS = 60_000;

/**
 * `retune watch [forecaster]`: decisions as they come, with a progress bar for each search on a terminal and
 * a line every tenth of it elsewhere. Runs until it is stopped.
 */
export const watch: BusCommand<CommandFlags> = async ({ bus, terminal, flags }, forecaster) => {
  if (forecaster !== undefined) await knownForecaster(bus, forecaster);
  const area = new LiveArea(terminal);
  const searches = new Map<string, { line: string; tenth: number; at: number }>();
  const redraw = () => {
    for (const [run, { at }] of searches) if (performance.now() - at > FORGET_MS) searches.delete(run);
    area.show([...searches.values()].map(({ line }) => line));
  };
  const { lastSequence } = await bus.streamState("DECISIONS");
  const decisions = await bus.follow("DECISIONS", { fromSequence: lastSequence + 1 }, (message) => {
    const line = replayLine(message);
    if (forecaster !== undefined && line.forecaster !== forecaster) return;
    if (line.run_id !== null && line.kind !== "accepted") searches.delete(line.run_id);
    if (flags.json === true) terminal.out(JSON.stringify(line));
    else
      area.log(
        `${moment(line.time)}  ${toned(terminal, line.tone, `${line.forecaster === null ? "" : `${line.forecaster}: `}${line.text}`)}`,
      );
    if (flags.json !== true) redraw();
  });
  const progress = bus.subscribeCore(`progress.${forecaster ?? "*"}.*`, (value) => {
    const parsed = Progress.safeParse(value);
    if (!parsed.success) return;
    const { run_id, done, total } = parsed.data;
    if (flags.json === true) return terminal.out(JSON.stringify({ kind: "progress", ...parsed.data }));
    const line = progressLine(parsed.data.forecaster, parsed.data);
    const tenth = Math.floor((10 * done) / total);
    const before = searches.get(run_id)?.tenth ?? -1;
    if (done >= total) searches.delete(run_id);
    else searches.set(run_id, { line, tenth, at: performance.now() });
    if (terminal.interactive) redraw();
    else if (tenth > before) terminal.out(line);
  });
  if (flags.json !== true) terminal.error(`watching ${forecaster ?? "every forecaster"}; Ctrl-C ends it`);
  await new Promise<void>((resolve) => {
    if (terminal.stop.aborted) resolve();
    terminal.stop.addEventListener("abort", () => resolve(), { once: true });
  });
  area.show([]);
  progress.stop();
  await decisions.stop();
  return 0;
};
