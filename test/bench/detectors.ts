import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../shared/service.ts";
import { atEvaluations, CONTENDERS } from "./detectors/contenders.ts";
import { kindsOfSeries } from "./detectors/data.ts";
import { contend, figuresOf, kindTrials, medianDelay, perBudget, type Trials } from "./detectors/measure.ts";
import { markdown, type Row, type Section } from "./detectors/report.ts";
import { autoregressiveKinds } from "./detectors/synthetic.ts";
import { writeFigures } from "./document.ts";
import { askPython } from "./peers/python.ts";
import type { BenchResult } from "./result.ts";

const DOCUMENT = join(ROOT, "docs/detectors.md");
const SEQUENCES = ["ordered", "quiet", "shifted", "spread"] as const;

interface RiverAnswer {
  readonly version: string;
  readonly alarms: Readonly<Record<string, readonly (readonly number[] | null)[]>>;
}

/** False-alarm budget asked and got, and what is found of a shift, over all kinds of series. */
export async function run(): Promise<BenchResult[]> {
  return summary(await measureAll());
}

async function measureAll(): Promise<Section[]> {
  const real = kindsOfSeries();
  if (typeof real === "string") console.log(`  real series skipped: ${real}`);
  const kinds = [...autoregressiveKinds(), ...(typeof real === "string" ? [] : real)];
  const trials = kinds.map(kindTrials);
  const folder = await mkdtemp(join(tmpdir(), "retune-bench-"));
  try {
    const file = join(folder, "sequences.json");
    await writeFile(file, JSON.stringify(trials.flat().flatMap(riverSequences(trials))));
    // Python runs beside what follows.
    const river = askPython<RiverAnswer>("river_detectors.py", [file]);
    const own = kinds.map((kind, k) => ({
      kind,
      rows: CONTENDERS.filter(({ calibrates }) => !(kind.short && calibrates)).map(
        (contender): Row => ({ name: contender.name, figures: contend(contender, trials[k]!) }),
      ),
    }));
    const peer = await river;
    if ("skipped" in peer) {
      console.log(`  River skipped: ${peer.skipped}`);
      return own;
    }
    console.log(`  River ${peer.answer.version}`);
    const peers = riverRows(trials, peer.answer);
    return own.map(({ kind, rows }, k) => ({ kind, rows: [...rows, ...peers[k]!] }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** River's detectors get the values with their season; nobody tells them of it. KSWIN runs on a kind's first series. */
function riverSequences(trials: readonly Trials[][]) {
  const first = new Set(trials.map((ofKind) => ofKind[0]));
  return (trial: Trials) =>
    SEQUENCES.map((name) => ({ values: Array.from(trial[name].raw), slow: first.has(trial) }));
}

function riverRows(trials: readonly Trials[][], { alarms }: RiverAnswer): Row[][] {
  let first = 0;
  return trials.map((ofKind) => {
    const offset = first;
    first += ofKind.length * SEQUENCES.length;
    return Object.entries(alarms).map(([name, found]) => {
      const figures = figuresOf(ofKind, (trial) => {
        const at = offset + ofKind.indexOf(trial) * SEQUENCES.length;
        if (found[at] === null) return null;
        return (sequence) => atEvaluations(trial.stream, found[at + SEQUENCES.indexOf(sequence)] ?? []);
      });
      return { name, figures };
    });
  });
}

/** The calibrated detectors, for the terminal; the document has all. */
function summary(sections: readonly Section[]): BenchResult[] {
  return sections.flatMap(({ kind, rows }) =>
    rows
      .filter(({ name, figures }) => /calibrated/.test(name) && figures.streams > 0)
      .flatMap(({ name, figures }) => {
        const delay = medianDelay(figures);
        const title = `${kind.title}: ${name}`;
        return [
          {
            name: `${title}, false alarms where 1 is allowed`,
            value: perBudget(figures.falseAlarms, figures),
            unit: "",
            target: "<= 1",
          },
          ...(delay === null
            ? []
            : [{ name: `${title}, shift of 1 std found after`, value: delay, unit: "windows" }]),
        ];
      }),
  );
}

if (import.meta.main) {
  const sections = await measureAll();
  if (process.argv.includes("--write")) await writeFigures(DOCUMENT, markdown(sections));
  else console.log(markdown(sections));
}
