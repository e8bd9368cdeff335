import { join } from "node:path";
import { SeriesContract } from "../../../shared/contracts/series.ts";
import { readNamed, yamlFiles } from "../../../shared/named-files.ts";
import { folders, replicas } from "../../../shared/service.ts";
import { applySpecs, readSpecFiles } from "../../../shared/spec-files.ts";
import { count, list } from "../words/format.ts";
import { type BusCommand, type CommandFlags, printJson } from "./command.ts";

export interface ProvisionFlags extends CommandFlags {
  readonly compare?: boolean; // create nothing
}

/** `retune provision`: creates or compares the topology, then applies the specs of `configs/forecasters`; checks `configs/series`. */
export const provision: BusCommand<ProvisionFlags> = async ({ bus, connection, terminal, flags }) => {
  const { env } = terminal;
  const { configs } = folders(env);
  const folder = join(configs, "forecasters");
  // Before anything is created: a mistake in a file changes nothing. Series are applied by the inference-buffer.
  const specs = await readSpecFiles(folder);
  for (const path of await yamlFiles(join(configs, "series")))
    await readNamed(path, SeriesContract, "series");
  const create = flags.compare !== true;
  const topology = await connection.provision({ replicas: replicas(env), create });
  const written = create ? await applySpecs(bus, specs) : [];
  if (flags.json === true) {
    printJson(terminal, {
      server: connection.server,
      topology,
      specs: specs.map((spec) => spec.forecaster),
      written,
    });
    return 0;
  }
  const created = topology.filter((each) => each.created).map((each) => each.name);
  terminal.out(
    `${connection.server}: ${count(topology.length, "stream")} as wanted${created.length === 0 ? "" : `, created ${list(created)}`}`,
  );
  if (!create) return 0;
  const changed = written.length === 0 ? "none changed" : `applied ${list(written)}`;
  terminal.out(
    specs.length === 0 ? `no spec in ${folder}` : `${count(specs.length, "spec")} in ${folder}: ${changed}`,
  );
  return 0;
};
