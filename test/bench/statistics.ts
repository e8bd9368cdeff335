import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { foldScores } from "../../services/trigger/monitor/monitor.ts";
import { initialMonitor } from "../../services/trigger/state.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { randomKey, uniformAt } from "../../shared/forecasting/random.ts";
import { ADWIN_DEFAULTS, initialAdwin, updateAdwin } from "../../shared/statistics/adwin.ts";
import { autocorrelationTime } from "../../shared/statistics/autocorrelation.ts";
import { ksReference } from "../../shared/statistics/ks-distance.ts";
import { ksTwoSample } from "../../shared/statistics/ks-two-sample.ts";
import {
  initialPageHinkley,
  PAGE_HINKLEY_DEFAULTS,
  updatePageHinkley,
} from "../../shared/statistics/page-hinkley.ts";
import { askPython } from "./peers/python.ts";
import type { BenchResult } from "./result.ts";

const ROUNDS = 15;

/**
 * Two-sample KS against the bare sort of both samples and against SciPy on the same arrays; what the streaming
 * detectors and the trigger's windows cost a value.
 */
export async function run(): Promise<BenchResult[]> {
  const a = draws(1, 1_000);
  const exactMs = median(() => ksTwoSample(a, draws(2, 1_000)));
  const walk = draws(3, 1_000);
  for (let t = 1; t < walk.length; t += 1) walk[t]! += 0.8 * walk[t - 1]!;
  const correlationMs = median(() => autocorrelationTime(walk));
  return [
    ...(await kolmogorovSmirnov(100_000)),
    ...(await kolmogorovSmirnov(1_000_000)),
    { name: "KS exact p-value, 2 x 1,000 values", value: exactMs, unit: "ms" },
    { name: "autocorrelation time, 1,000 values of AR(0.8)", value: correlationMs, unit: "ms" },
    { name: "ADWIN, one value", value: adwinNs(), unit: "ns" },
    { name: "Page-Hinkley, one value", value: pageHinkleyNs(), unit: "ns" },
    { name: "score into the trigger's windows", value: scoreUs(), unit: "us" },
  ];
}

interface SciPyAnswer {
  readonly version: string;
  readonly ms: number;
  readonly distance: number;
}

async function kolmogorovSmirnov(size: number): Promise<BenchResult[]> {
  const [a, b] = [normals(1, size), normals(2, size)];
  const sortMs = quickest(() => [a.toSorted(), b.toSorted()]);
  const ksMs = quickest(() => ksTwoSample(a, b));
  const reference = ksReference(b);
  const preparedMs = quickest(() => ksTwoSample(a, reference));
  const values = `2 x ${size.toLocaleString("en")} values`;
  const own = [
    { name: `KS, ${values}`, value: ksMs, unit: "ms" },
    { name: `KS, ${values}, reference kept`, value: preparedMs, unit: "ms" },
    { name: `KS / typed-array sort alone, ${values}`, value: ksMs / sortMs, unit: "x", target: "<= 0.5" },
  ];
  const folder = await mkdtemp(join(tmpdir(), "retune-bench-"));
  try {
    const files = [join(folder, "a"), join(folder, "b")];
    await Promise.all([writeFile(files[0]!, a), writeFile(files[1]!, b)]);
    const peer = await askPython<SciPyAnswer>("ks.py", [...files, String(ROUNDS)]);
    if ("skipped" in peer) {
      console.log(`  SciPy skipped: ${peer.skipped}`);
      return own;
    }
    const { version, ms, distance } = peer.answer;
    const peerName = `scipy ${version} ks_2samp`;
    const same = distance === ksTwoSample(a, b).distance;
    return [
      ...own,
      { name: `${peerName}, ${values}`, value: ms, unit: "ms" },
      { name: `${peerName} / KS, ${values}`, value: ms / ksMs, unit: "x", target: ">= 6" },
      {
        name: `${peerName} / KS, reference kept, ${values}`,
        value: ms / preparedMs,
        unit: "x",
        target: ">= 10",
      },
      { name: `same D as ${peerName}`, value: same ? 1 : 0, unit: "1 is yes", target: "1" },
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}

function adwinNs(): number {
  const values = draws(4, 100_000);
  return (
    (1e6 / values.length) *
    median(() => values.reduce((state, x) => updateAdwin(state, x, ADWIN_DEFAULTS).state, initialAdwin()))
  );
}

function pageHinkleyNs(): number {
  const values = draws(4, 100_000);
  const step = (state: ReturnType<typeof initialPageHinkley>, x: number) =>
    updatePageHinkley(state, x, PAGE_HINKLEY_DEFAULTS).state;
  return (1e6 / values.length) * median(() => values.reduce(step, initialPageHinkley()));
}

function scoreUs(): number {
  const spec = ForecasterSpec.parse({ forecaster: "bench", series: "bench", horizon: "7d" });
  const dayMs = 86_400_000;
  const records = Array.from({ length: 10_000 }, (_, i) => ({
    issued_at: new Date((i / 7 - 1) * dayMs).toISOString(),
    target_ts: new Date((i / 7) * dayMs).toISOString(),
    step: 1 + (i % 7),
    error: Math.sin(i),
    abs_pct_error: 1,
    in_interval: true,
    model_version: "v1",
  }));
  const batch = [{ sequence: 1, records, latestMs: Number.MAX_SAFE_INTEGER }];
  return (1_000 * median(() => foldScores(initialMonitor("bench"), batch, spec))) / records.length;
}

function draws(seed: number, n: number): Float64Array {
  const key = randomKey(seed);
  return Float64Array.from({ length: n }, (_, i) => uniformAt(key, i));
}

function normals(seed: number, n: number): Float64Array {
  const u = draws(seed, 2 * n);
  return Float64Array.from(
    { length: n },
    (_, i) => Math.sqrt(-2 * Math.log(u[2 * i]!)) * Math.cos(2 * Math.PI * u[2 * i + 1]!),
  );
}

/** ms of the quickest round: what the work costs when nothing else gets in between. */
function quickest(work: () => unknown): number {
  return Math.min(...times(work, ROUNDS));
}

function median(work: () => unknown): number {
  return times(work, 7).sort((x, y) => x - y)[3]!;
}

function times(work: () => unknown, rounds: number): number[] {
  return Array.from({ length: rounds }, () => {
    const from = performance.now();
    work();
    return performance.now() - from;
  });
}

if (import.meta.main) console.table(await run());
