/** Knows which entities each series has, which are new, which fell silent, and how stale the models' vocabulary is. See README.md. */
import { Token } from "../../shared/contracts/subjects.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import { type RunningService, runService, type Service, type ServiceContext } from "../../shared/service.ts";
import { openSpecs } from "../../shared/specs.ts";
import { fleetSettings } from "./config.ts";
import { Excuses } from "./excuses.ts";
import { Monitor } from "./monitor.ts";
import { RenameBook } from "./rename-book.ts";

export const service: Service = {
  name: "fleet-monitor",
  description: "Entities seen, new, silent and renamed; fleet drift; unknown-prediction rate; outages",
  start,
};

async function start(context: ServiceContext): Promise<RunningService> {
  const settings = fleetSettings(context.env);
  const specs = await openSpecs(context);
  const excuses = await new Excuses(specs).open(context);
  const renames = await new RenameBook(context).open();
  const monitor = await Monitor.start(context, settings, { specs, excuses, renames });
  const serving = await context.bus.serve({
    name: service.name,
    description: service.description,
    version: "1.0.0",
    endpoints: {
      "fleet-monitor.status": async (payload) => monitor.status(seriesOf(payload)),
      "fleet-monitor.rename": (payload) => renames.request(payload, monitor.fleets),
    },
    stats: () => monitor.stats(),
  });
  return {
    async stop() {
      await serving.stop();
      await monitor.stop();
      await renames.stop();
      excuses.stop();
      specs.stop();
    },
  };
}

function seriesOf(payload: unknown): string | undefined {
  const series = (payload as { series?: unknown } | undefined | null)?.series;
  if (series === undefined) return undefined;
  const { data } = Token.safeParse(series);
  if (data !== undefined) return data;
  throw new InvalidInputError(
    `fleet-monitor.status: field 'series' is ${JSON.stringify(series)}, expected the id of a series`,
  );
}

if (import.meta.main) await runService(service);
