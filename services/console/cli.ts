import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { Duration } from "../../shared/contracts/duration.ts";
import { ACTIONS } from "../../shared/contracts/spec-remedies.ts";
import { explain } from "../../shared/errors.ts";
import { approve } from "./commands/approve.ts";
import { calibrate } from "./commands/calibrate.ts";
import type { BusCommand, CommandFlags } from "./commands/command.ts";
import { fleet, fleetRename } from "./commands/fleet.ts";
import { history } from "./commands/history.ts";
import { incidentClose, incidentList, incidentOpen } from "./commands/incident.ts";
import { provision } from "./commands/provision.ts";
import { quality } from "./commands/quality.ts";
import { replay } from "./commands/replay.ts";
import { request } from "./commands/request.ts";
import { rollback } from "./commands/rollback.ts";
import { simulate } from "./commands/simulate.ts";
import { status } from "./commands/status.ts";
import { portfolio, strategy } from "./commands/strategy.ts";
import { watch } from "./commands/watch.ts";
import { why } from "./commands/why.ts";
import { withConnection } from "./connect.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Runs one command line (without node and script) and resolves with its exit code: 0 done, 1 it could not be
 * done or was not so, 2 the command line is wrong.
 */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(terminal, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    terminal.error(`retune: ${explain(error)}`);
    if (terminal.env.LOG_LEVEL === "debug" && error instanceof Error) terminal.error(error.stack ?? "");
    return 1;
  }
}

function buildProgram(terminal: Terminal, exit: (code: number) => void): Command {
  const program = new Command("retune")
    .description("Keeps forecasters fit. 'retune up' starts everything; the page is at http://127.0.0.1:9000")
    .version("0.1.0")
    .showHelpAfterError("('retune --help' lists the commands)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.error(text.trimEnd()),
      getOutHelpWidth: () => Math.min(terminal.columns, 100),
      getErrHelpWidth: () => Math.min(terminal.columns, 100),
      getOutHasColors: () => terminal.colour,
    });

  const overBus = <F extends CommandFlags>(command: Command, action: BusCommand<F>) =>
    connectionOptions(command)
      .option("--json", "write JSON")
      .action(async (...given: unknown[]) => {
        const flags = command.optsWithGlobals<F>();
        const operands = given.slice(0, -2).filter((each) => typeof each === "string");
        const parts = (connection: Parameters<Parameters<typeof withConnection>[2]>[0]) => ({
          bus: connection.bus,
          connection,
          terminal,
          flags,
        });
        exit(
          await withConnection(flags, terminal, async (connection) => action(parts(connection), ...operands)),
        );
      });

  program
    .command("up")
    .description("start NATS and every service in one process, and play the demo")
    .option("--no-demo", "the plain system: your forecasters, your data")
    .addOption(new Option("--port <port>", "of the page (default 9000)").argParser(port))
    .option("--data <folder>", "where everything is kept (default .data)")
    .action(async (flags) => (await import("./commands/up.ts")).up(flags));
  connectionOptions(program.command("serve"))
    .description("start the web page alone, on a NATS that runs")
    .addOption(new Option("--port <port>", "to listen on (default 9000, or RETUNE_PORT)").argParser(port))
    .option("--host <address>", "to listen on (default 127.0.0.1, or RETUNE_HOST)")
    .action(async (flags) => (await import("./commands/serve.ts")).serve(flags, terminal.env));
  overBus(
    program
      .command("provision")
      .description("create or compare streams and buckets, apply configs/forecasters")
      .option("--compare", "create and apply nothing, only compare"),
    provision,
  );
  overBus(
    program
      .command("status")
      .description("every forecaster: live config, health, last run, what waits and what is next"),
    status,
  );
  overBus(
    program
      .command("request")
      .argument("<forecaster>")
      .description("ask for a run")
      .option("--reason <text>", "why, for the receipt")
      .addOption(new Option("--action <action>", "what to do (default search)").choices(ACTIONS))
      .option("--wait", "tell its steps until it is over; exit 0 for verified and rejected")
      .addOption(new Option("--timeout <duration>", "longest wait").default("30m").argParser(duration)),
    request,
  );
  overBus(
    program.command("watch").argument("[forecaster]").description("decisions and searches as they happen"),
    watch,
  );
  overBus(
    program
      .command("history")
      .description("runs and their figures")
      .option("--forecaster <id>", "of one forecaster only")
      .option("--refused", "list refused runs, too")
      .addOption(new Option("--limit <runs>", "how many to list").default(30).argParser(positive)),
    history,
  );
  overBus(
    program
      .command("why")
      .argument("<run>", "its id, or the beginning or end of it")
      .description("explain a run from the stream alone"),
    why,
  );
  overBus(
    program
      .command("rollback")
      .argument("<forecaster>")
      .description("put the version before live again")
      .option("--reason <text>", "why, for the receipt"),
    rollback,
  );
  overBus(
    program
      .command("approve")
      .argument("<run>", "its id, or the beginning or end of it")
      .description("say yes to a held run")
      .option("--reject", "say no")
      .option("--note <text>", "why, for the receipt")
      .option("--by <name>", "who decides (default: the user)"),
    approve,
  );
  overBus(
    program
      .command("replay")
      .description("list every decision in order and check that none is missing")
      .option(
        "--since <time>",
        "a time (2026-03-01T12:00:00Z) or a duration back from now (14d), by the time of storing",
      )
      .option("--forecaster <id>", "of one forecaster only"),
    replay,
  );
  overBus(
    program
      .command("quality")
      .argument("[series]")
      .description("how complete and clean the data of the last days are")
      .addOption(new Option("--days <days>", "how many, today included").default(7).argParser(positive)),
    quality,
  );
  const entities = program
    .command("fleet")
    .argument("[series]")
    .description("which entities a series has, how many its models do not know, what fell silent");
  overBus(entities, fleet);
  overBus(
    entities
      .command("rename")
      .argument("<series>")
      .argument("<from>", "name of the entity that fell silent")
      .argument("<to>", "its name now")
      .description("say that an entity has a new name, so that it counts neither as new nor as gone")
      .option("--revoke", "take it back")
      .option("--by <name>", "who says so (default: the user)"),
    fleetRename,
  );
  const incident = program
    .command("incident")
    .description("times whose telemetry is kept out of references, scores and training");
  overBus(
    incident
      .command("open")
      .argument("<series|forecaster>")
      .description("raise one")
      .requiredOption("--from <time>", "its beginning: a time, or a duration back from now")
      .option("--to <time>", "its end, where it is over already")
      .requiredOption("--reason <text>", "what happened")
      .addOption(new Option("--scope <kind>", "where both have that name").choices(["series", "forecaster"]))
      .option("--id <id>", "its id (default: a new one); raised again, an incident is amended")
      .option("--by <name>", "who says so (default: the user)"),
    incidentOpen,
  );
  overBus(
    incident
      .command("close")
      .argument("<id>", "or the beginning or end of it")
      .description("it is over")
      .option("--to <time>", "since when (default: now)")
      .option("--withdraw", "there was none")
      .option("--by <name>", "who says so (default: the user)"),
    incidentClose,
  );
  overBus(incident.command("list").description("every incident"), incidentList);
  connectionOptions(program.command("simulate"))
    .description(
      "what other settings would have done with what was recorded; or check the recorded decisions",
    )
    .option("--from <time>", "first time to report on, as --since of replay")
    .option("--to <time>", "time to report up to")
    .option("--forecaster <id...>", "of these forecasters only")
    .option("--set <path=value...>", "change a setting of the specs: trigger.performance.threshold=0.10")
    .option("--verify", "make every recorded decision again and compare; exit 1 when one differs")
    .option("--retrain", "really search and forecast again, instead of keeping what was served")
    .option("--file <path>", "observations from a CSV or Parquet file instead of the recording")
    .option("--history <folder>", "where the inference-buffer keeps its Parquet (default .data/history)")
    .option("--html <file>", "write a report with plots")
    .option("--json", "write JSON")
    .action(async (flags) => exit(await simulate(flags, terminal)));
  connectionOptions(program.command("calibrate").argument("[forecaster...]"))
    .description("set each detector's threshold so that false alarms keep to a budget, from recorded history")
    .option(
      "--budget <budget>",
      'false alarms allowed, as "1 per 90d" (default: trigger.false_alarms of the specs)',
    )
    .option("--from <time>", "history to use, as --since of replay")
    .option("--to <time>", "history to use up to")
    .option("--file <path>", "observations from a CSV or Parquet file instead of the recording")
    .option("--history <folder>", "where the inference-buffer keeps its Parquet (default .data/history)")
    .addOption(new Option("--apply", "write the thresholds into the specs").conflicts("dryRun"))
    .option("--dry-run", "only show them; the default")
    .option("--trial", "as settings on trial, which are evaluated beside those in force")
    .addOption(
      new Option(
        "--check",
        "whether thresholds set before kept their budget; exit 1 when one did not",
      ).conflicts(["apply", "trial", "budget", "file"]),
    )
    .option("--json", "write JSON")
    .action(async (forecasters, flags) => exit(await calibrate(forecasters, flags, terminal)));
  const trading = program
    .command("strategy")
    .description("how forecasts are traded: thresholds, sizes, stops and targets, by a backtest with costs");
  const onPrices = (command: Command) =>
    connectionOptions(command)
      .option("--from <time>", "first price to trade, as --since of replay (default: strategy.history back)")
      .option("--to <time>", "last price")
      .option("--history <folder>", "where the inference-buffer keeps its Parquet (default .data/history)")
      .option("--json", "write JSON");
  for (const [mode, text] of [
    ["tune", "search the parameters on all but the newest prices, and measure them there"],
    ["compare", "measure the parameters in force against buying and holding, and against doing nothing"],
  ] as const)
    onPrices(trading.command(mode).argument("<forecaster>").description(text)).action(
      async (forecaster, flags) => exit(await strategy(mode, forecaster, flags, terminal)),
    );
  onPrices(trading.command("portfolio").argument("<forecaster...>"))
    .description("spread money over the series of several forecasters, and measure that on the newest prices")
    .addOption(new Option("--max-weight <share>", "that one series may have (default 1)").argParser(Number))
    .addOption(
      new Option(
        "--shrinkage <target>",
        "what the covariance is drawn towards (default constant-correlation)",
      ).choices(["none", "identity", "constant-correlation"]),
    )
    .action(async (forecasters, flags) => exit(await portfolio(forecasters, flags, terminal)));
  return program;
}

/** As the `nats` CLI has them; what is not given comes from the environment or the selected context. */
function connectionOptions(command: Command): Command {
  const group = "Connection (as the nats CLI):";
  const flags: [string, string][] = [
    ["-s, --server <url>", "NATS server URLs"],
    ["--creds <file>", "credentials file"],
    ["--nkey <file>", "seed file"],
    ["--user <name>", "user name, or token where no password is given"],
    ["--password <text>", "password"],
    ["--token <text>", "token"],
    ["--tlscert <file>", "client certificate"],
    ["--tlskey <file>", "key of the client certificate"],
    ["--tlsca <file>", "certificate authority"],
    ["--context <name>", "context of the nats CLI"],
  ];
  for (const [flag, text] of flags) command.addOption(new Option(flag, text).helpGroup(group));
  return command;
}

function port(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  throw new InvalidArgumentError("expected a port from 0 to 65535");
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("expected a positive whole number");
}

function duration(text: string): string {
  if (Duration.safeParse(text).success) return text;
  throw new InvalidArgumentError("expected a duration such as 90s or 10m");
}
