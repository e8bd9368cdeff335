/**
 * How samplers and pruners do: regret on functions whose minimum is known and on backtests of the shipped model, cost
 * of a suggestion, beside Optuna where it is at hand. `node test/bench/samplers.ts --write` puts the tables into
 * docs/search.md.
 */
import { join } from "node:path";
import { medianRegrets } from "../../shared/search/regret.fixture.ts";
import type { SamplerName } from "../../shared/search/sampler.ts";
import { PROBLEMS, type Problem } from "../../shared/search/test-functions.fixture.ts";
import { ROOT } from "../../shared/service.ts";
import { figureTable, writeFigures } from "./document.ts";
import type { BenchResult } from "./result.ts";
import { askOptuna, type OptunaFigures } from "./samplers/optuna.ts";
import { pastTrials, suggestMs } from "./samplers/overhead.ts";
import { EVERY_POINT, pruned } from "./samplers/pruning.ts";
import { RECORDED_SPACE, type RecordedStudy, recordStudies } from "./samplers/recorded.ts";
import { short } from "./samplers/report.ts";

const DOCUMENT = join(ROOT, "docs/search.md");
const BUDGETS = [30, 60] as const;
const RECORDED_BUDGETS = [15, 30, 60] as const;
const SEEDS = 15;
const FEW_SEEDS = 5;
const NOISE = 0.05;
const SIZES = [100, 1_000] as const;
const OWN = ["random", "halton", "tpe", "gp"] as const;
const PRUNED_BY = ["none", "race", "halving"] as const;

interface RegretRow {
  readonly name: string;
  /** [budget], by column */
  readonly regrets: Readonly<Record<string, readonly number[]>>;
}

interface Figures {
  readonly functions: readonly RegretRow[];
  readonly recorded: readonly RegretRow[];
  readonly pruning: readonly { readonly name: string; readonly figures: ReturnType<typeof pruned> }[];
  readonly suggestMs: Readonly<Record<string, readonly number[]>>;
  readonly optuna: string | undefined;
}

async function measure(seeds: number): Promise<Figures> {
  const history = pastTrials(Math.max(...SIZES));
  const own = Object.fromEntries(
    OWN.map((sampler) => [sampler, SIZES.map((size) => suggestMs(sampler, history.slice(0, size)))]),
  );
  // Optuna is asked after that, so that neither slows down the other's suggestions.
  const optuna = await askOptuna({ problems: PROBLEMS, seeds, budgets: BUDGETS, history, sizes: SIZES });
  const known = "skipped" in optuna ? undefined : optuna;
  console.log(`  Optuna ${"skipped" in optuna ? `skipped: ${optuna.skipped}` : optuna.version}`);
  const noisy = PROBLEMS.map((problem) => ({ ...problem, name: `${problem.name}, noise ${NOISE}` }));
  const studies = await recordStudies();
  return {
    functions: [
      ...PROBLEMS.map((problem, p) => functionRow(problem, p, 0, seeds, known)),
      ...noisy.map((problem, p) => functionRow(problem, p, NOISE, seeds, undefined)),
    ],
    recorded: [recordedRow(studies, seeds)],
    pruning: PRUNED_BY.map((name) => ({ name, figures: pruned(name, studies, FEW_SEEDS) })),
    suggestMs: { ...own, ...(known === undefined ? {} : { [OPTUNA]: known.suggestMs }) },
    optuna: known?.version,
  };
}

const OPTUNA = "Optuna TPE";
const inFours = (sampler: SamplerName) => `${sampler}, 4 at once`;

function functionRow(
  problem: Problem,
  p: number,
  noise: number,
  seeds: number,
  optuna: OptunaFigures | undefined,
): RegretRow {
  const effort = { budgets: BUDGETS, seeds, noise };
  return {
    name: problem.name,
    regrets: {
      ...Object.fromEntries(
        OWN.map((sampler) => [sampler, medianRegrets(sampler, problem, { ...effort, generation: 1 })]),
      ),
      ...Object.fromEntries(
        (["tpe", "gp"] as const).map((sampler) => [
          inFours(sampler),
          medianRegrets(sampler, problem, { ...effort, generation: 4 }),
        ]),
      ),
      ...(optuna === undefined ? {} : { [OPTUNA]: optuna.regrets[p]! }),
    },
  };
}

/** In percent of the least loss, the mean over the stretches of the median over the seeds. */
function recordedRow(studies: readonly RecordedStudy[], seeds: number): RegretRow {
  const problems = studies.map(({ searched }, s): Problem => {
    const mean = new Map(EVERY_POINT.map((point) => [JSON.stringify(point), average(searched(point))]));
    const least = Math.min(...mean.values());
    const value = (point: object) => 100 * (mean.get(JSON.stringify(point))! / least - 1);
    return { name: `stretch ${s + 1}`, space: RECORDED_SPACE, minimum: 0, value };
  });
  const columns = [
    ...OWN.map((sampler) => ({ name: sampler as string, sampler, generation: 1 })),
    ...(["tpe", "gp"] as const).map((sampler) => ({ name: inFours(sampler), sampler, generation: 4 })),
  ];
  return {
    name: `EUR/USD, ${studies.length} stretches, 512 points`,
    regrets: Object.fromEntries(
      columns.map(({ name, sampler, generation }) => {
        const runs = problems.map((problem) =>
          medianRegrets(sampler, problem, {
            budgets: RECORDED_BUDGETS,
            seeds: Math.min(seeds, FEW_SEEDS),
            generation,
          }),
        );
        return [name, RECORDED_BUDGETS.map((_, b) => average(runs.map((run) => run[b]!)))];
      }),
    ),
  };
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function markdown({ functions, recorded, pruning, suggestMs: times, optuna }: Figures): string {
  const regrets = (rows: readonly RegretRow[]) => {
    const columns = Object.keys(rows[0]!.regrets);
    const cell = (regret: readonly number[] | undefined) => regret?.map(short).join(" / ") ?? "";
    return figureTable(
      ["function", ...columns],
      rows.map(({ name, regrets: by }) => [name, ...columns.map((column) => cell(by[column]))]),
    );
  };
  const [all] = pruning;
  return [
    `### Regret after ${BUDGETS.join(" / ")} trials${optuna === undefined ? "" : ` (Optuna ${optuna})`}`,
    regrets(functions),
    `### Excess loss after ${RECORDED_BUDGETS.join(" / ")} trials of the shipped model, %`,
    regrets(recorded),
    "### Pruning, 60 configs on 40 windows",
    figureTable(
      ["pruner", "windows evaluated", "speed-up", "excess loss, %", "on later windows, %"],
      pruning.map(({ name, figures }) => [
        name,
        figures.spent.toLocaleString("en"),
        `${short(all!.figures.spent / figures.spent)} x`,
        short(figures.regret),
        short(figures.laterRegret),
      ]),
    ),
    `### One suggestion after ${SIZES.map((size) => size.toLocaleString("en")).join(" / ")} trials, ms`,
    figureTable(
      ["sampler", ...SIZES.map((size) => `${size.toLocaleString("en")} trials`)],
      Object.entries(times).map(([name, ms]) => [name, ...ms.map(short)]),
    ),
  ].join("\n\n");
}

/** GP and TPE against random draws, what pruning saves, and what a suggestion costs. */
export async function run(): Promise<BenchResult[]> {
  const { functions, recorded, pruning, suggestMs: times } = await measure(FEW_SEEDS);
  const [all, ...others] = pruning;
  return [
    ...[...functions, ...recorded].flatMap(({ name, regrets }) =>
      (["tpe", "gp"] as const).map((sampler) => ({
        name: `${name}: regret of ${sampler} / random at the end`,
        value: regrets[sampler]!.at(-1)! / regrets.random!.at(-1)!,
        unit: "",
        target: "< 1",
      })),
    ),
    ...others.map(({ name, figures }) => ({
      name: `${name}: windows saved, times`,
      value: all!.figures.spent / figures.spent,
      unit: "x",
      target: ">= 2",
    })),
    ...Object.entries(times).flatMap(([name, ms]) =>
      ms.map((value, i) => ({ name: `${name}: a suggestion after ${SIZES[i]} trials`, value, unit: "ms" })),
    ),
  ];
}

if (import.meta.main) {
  const text = markdown(await measure(SEEDS));
  if (process.argv.includes("--write")) await writeFigures(DOCUMENT, text);
  else console.log(text);
}
