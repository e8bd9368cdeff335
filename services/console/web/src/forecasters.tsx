import type {
  AccuracyView,
  BacktestView,
  ForecasterView,
  LiveView,
  NoteView,
} from "../../projection/view.ts";
import { figure, percent } from "../../words/format.ts";
import { Chart } from "./chart.tsx";
import { ProgressBar } from "./progress.tsx";
import { forecasters, top } from "./store.ts";

/** A card for each forecaster. */
export function Forecasters() {
  const all = forecasters.value;
  return (
    <section class="forecasters" aria-label="Forecasters">
      {all.map((each) => (
        <Card key={each.id} forecaster={each} />
      ))}
      {all.length === 0 && top.value !== null && <p class="empty">No forecaster is known yet.</p>}
    </section>
  );
}

function Card({ forecaster }: { forecaster: ForecasterView }) {
  const {
    id,
    state,
    tone,
    live,
    health,
    accuracy,
    backtest,
    unit,
    progress,
    evaluation,
    description,
    notes,
  } = forecaster;
  return (
    <article class="card">
      <div class="card-head">
        <h2 title={description ?? undefined}>{id}</h2>
        <span class={`pill ${tone}`}>{state}</span>
        <span class="unit">{unit}</span>
        <span class="config">{live === null ? "no live config" : configWords(live)}</span>
      </div>
      <Chart chart={forecaster.chart} label={`${id}: observations and forecast`} />
      {progress === null ? (
        <Figures accuracy={accuracy} backtest={backtest} unit={unit} />
      ) : (
        <ProgressBar progress={progress} />
      )}
      {notes.length > 0 && <Notes notes={notes} />}
      <p class="foot">
        <span class={`dot ${health === null ? "" : health.status}`} aria-hidden="true" />
        {healthWords(forecaster)}
        {evaluation !== null && (
          <span class="evaluation" title={evaluation.reasons}>
            {evaluation.text}
          </span>
        )}
      </p>
    </article>
  );
}

function Notes({ notes }: { notes: readonly NoteView[] }) {
  return (
    <ul class="notes">
      {notes.map(({ kind, text, title }) => (
        <li key={text} class={kind} title={title ?? text}>
          {text}
        </li>
      ))}
    </ul>
  );
}

function Figures({
  accuracy,
  backtest,
  unit,
}: {
  accuracy: AccuracyView | null;
  backtest: BacktestView | null;
  unit: string | null;
}) {
  if (accuracy === null && backtest === null)
    return <p class="figures none">No forecast has met its truth yet.</p>;
  const shown = accuracy ?? { ...backtest!, coverage: null };
  const over = accuracy === null ? "in the last search's backtest" : `over ${accuracy.targets} targets`;
  return (
    <p class="figures" title={unit === null ? undefined : `errors in ${unit}`}>
      <span>
        RMSE <b>{figure(shown.rmse, 3)}</b>
      </span>
      {shown.last_value_rmse !== null && (
        <span>
          last value <b>{figure(shown.last_value_rmse, 3)}</b>
        </span>
      )}
      {shown.seasonal_naive_rmse !== null && (
        <span>
          seasonal naive <b>{figure(shown.seasonal_naive_rmse, 3)}</b>
        </span>
      )}
      {shown.coverage !== null && (
        <span title="share of actual values inside the 95 % band">
          in band <b>{percent(shown.coverage)}</b>
        </span>
      )}
      {shown.verdict !== null && (
        <span class={shown.beats_baselines === true ? "verdict good" : "verdict bad"}>{shown.verdict}</span>
      )}
      <span class="over">{over}</span>
    </p>
  );
}

function configWords({ version, model, context_length, num_samples, temperature }: LiveView): string {
  return `v${version} · ${model} · context ${context_length} · ${num_samples} samples · temp ${figure(temperature)}`;
}

function healthWords({ health }: ForecasterView): string {
  if (health === null) return "no heartbeat yet";
  const instances = health.instances === 1 ? "" : `, ${health.instances} instances`;
  if (health.error !== null) return `${health.status}: ${health.error}`;
  const latency = health.latency_ms_p50 === null ? "" : `, ${figure(health.latency_ms_p50, 2)} ms a forecast`;
  return `${health.status}${latency}${instances}${health.failures > 0 ? `, ${health.failures} failures` : ""}`;
}
