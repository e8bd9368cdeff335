import type { PolicyOutcome, SimulationReport } from "../../../shared/contracts/simulation.ts";
import { count, figure, moment, span } from "../words/format.ts";
import { escaped, type Line, timePlot } from "./plot.ts";
import { basisWords, POLICY_WORDS } from "./tables.ts";

const COLOURS: Readonly<Record<PolicyOutcome["policy"], string>> = {
  recorded: "var(--ink)",
  configured: "#3157c8",
  changed: "#c2571a",
  never: "#7d8590",
  nightly: "#1d7a4b",
  weekly: "#8a4fb5",
};

const STYLE = `
:root { --ink:#1d2125; --muted:#69707a; --ground:#f6f6f3; --surface:#fff; --line:#e6e6e1; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink:#e6e8eb; --muted:#949ca7; --ground:#14171b; --surface:#1c2025; --line:#2b3037; } }
body { margin:0 auto; max-width:1000px; padding:24px 16px; font:14px/1.5 system-ui,sans-serif; color:var(--ink); background:var(--ground); }
h1 { font-size:22px; margin:0 0 4px; } h2 { font-size:17px; margin:0 0 8px; } .muted { color:var(--muted); }
section { background:var(--surface); border:1px solid var(--line); border-radius:10px; padding:16px; margin:16px 0; overflow-x:auto; }
table { border-collapse:collapse; width:100%; } th,td { text-align:left; padding:5px 10px 5px 0; border-bottom:1px solid var(--line); vertical-align:top; }
th { color:var(--muted); font-weight:500; } .number { text-align:right; font-variant-numeric:tabular-nums; }
.swatch { display:inline-block; width:10px; height:10px; border-radius:3px; margin-right:7px; }
svg { width:100%; height:auto; } .grid { stroke:var(--line); } .axis { fill:var(--muted); font-size:11px; }
.line { fill:none; stroke-width:1.6; stroke-linejoin:round; } .hatch { stroke:var(--muted); stroke-width:1; opacity:.45; }
.kept { fill:#1d7a4b; } .refused { fill:#b23a32; } .unobserved { fill:var(--surface); stroke:#96620b; stroke-width:2; }
ul { margin:8px 0 0; padding-left:18px; }
`;

/** A simulation as one HTML file without script or anything from elsewhere: tables, plots, notes. */
export function simulationPage(report: SimulationReport): string {
  const range =
    report.from === null || report.to === null
      ? "nothing recorded"
      : `${moment(report.from)} to ${moment(report.to)}`;
  const changed = report.settings.length === 0 ? "" : ` · changed: ${report.settings.join(", ")}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Retune: what would have happened</title><style>${STYLE}</style></head><body>
<h1>${report.mode === "verify" ? "Recorded decisions, made again" : "What would have happened"}</h1>
<p class="muted">${escaped(`${range}${changed} · code ${report.code_version} · computed in ${span(report.seconds * 1000)}`)}</p>
${report.notes.length === 0 ? "" : `<section><h2>Before you believe it</h2><ul>${report.notes.map((note) => `<li>${escaped(note)}</li>`).join("")}</ul></section>`}
${report.forecasters.map(section).join("\n")}
${report.mode === "verify" ? decisions(report) : ""}
</body></html>
`;
}

function section({ forecaster, unit = "", policies }: SimulationReport["forecasters"][number]): string {
  const lines = policies
    .filter(({ policy, served }) => policy === "recorded" || served.basis === "simulated")
    .map(errorLine)
    .filter(({ points }) => points.length > 0);
  const tracks = policies.map(({ policy, runs, diverged_at, served }) => ({
    name: policy,
    unknownFrom: served.basis === "assumed" && diverged_at !== null ? Date.parse(diverged_at) : null,
    marks: runs.map(({ at, cause, reasons, outcome }) => ({
      ms: Date.parse(at),
      tone: outcome === null ? "unobserved" : ["deployed", "verified"].includes(outcome) ? "kept" : "refused",
      title: `${moment(at)}: ${cause}${outcome === null ? ", outcome not observed" : `, ${outcome}`}. ${reasons.join("; ")}`,
    })),
  }));
  return `<section><h2>${escaped(forecaster)}</h2>
<table><thead><tr><th>Policy</th><th class="number">Runs</th><th class="number">Alarms</th><th class="number">Refused</th><th class="number">Compute</th><th class="number">RMSE${unit === "" ? "" : `, ${escaped(unit)}`}</th><th>The error is</th></tr></thead>
<tbody>${policies.map(row).join("")}</tbody></table>
${timePlot(lines, tracks, unit)}
<p class="muted">Lines: root mean squared error of each day. Dots: runs; green deployed, red not, hollow never observed. Hatched: after its first run that the recording has not, what a policy would have served was not observed.</p></section>`;
}

function row(outcome: PolicyOutcome): string {
  const { policy, runs, alarms, refused, compute_s, served } = outcome;
  const numbers = [
    String(runs.length),
    String(alarms),
    String(refused),
    span(compute_s === null ? null : compute_s * 1000),
    figure(served.rmse),
  ];
  return `<tr><td><span class="swatch" style="background:${COLOURS[policy]}"></span>${policy} <span class="muted">${POLICY_WORDS[policy]}</span></td>${numbers.map((each) => `<td class="number">${each}</td>`).join("")}<td>${escaped(basisWords(outcome))}</td></tr>`;
}

function errorLine({ policy, daily }: PolicyOutcome): Line {
  const points = daily.flatMap(([day, sum, n]): [number, number][] =>
    n > 0 ? [[Date.parse(day), Math.sqrt(sum / n)]] : [],
  );
  return { name: policy, colour: COLOURS[policy], points };
}

function decisions({ decisions: all }: SimulationReport): string {
  const other = all.filter(({ verdict }) => verdict !== "reproduced");
  const rows = other.map(
    ({ sequence, subject, verdict, detail }) =>
      `<tr><td class="number">${sequence}</td><td>${verdict}</td><td>${escaped(subject)}</td><td>${escaped(detail ?? "")}</td></tr>`,
  );
  return `<section><h2>${all.length - other.length} of ${count(all.length, "decision")} reproduced bit for bit</h2>
${rows.length === 0 ? "" : `<table><thead><tr><th class="number">Sequence</th><th>Verdict</th><th>Subject</th><th>Why</th></tr></thead><tbody>${rows.join("")}</tbody></table>`}</section>`;
}
