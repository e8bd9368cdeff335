import { useEffect, useState } from "preact/hooks";
import type { RunView, StepView } from "../../projection/view.ts";
import { moment, sentence } from "../../words/format.ts";
import { ProgressBar } from "./progress.tsx";
import { RunDetails } from "./run-details.tsx";
import { forecasters, runs } from "./store.ts";

/** Every run with its steps; each opens to its details. */
export function Runs() {
  const all = runs.value;
  return (
    <section class="runs" aria-label="Runs">
      <h2 class="section">Runs</h2>
      {all.length === 0 && <p class="empty">No run yet. A trigger starts one, or a person does.</p>}
      <ol>
        {all.map((run) => (
          <Run key={run.run_id} run={run} />
        ))}
      </ol>
    </section>
  );
}

function Run({ run }: { run: RunView }) {
  const [open, setOpen] = useState(false);
  const last = run.steps.at(-1);
  const first = run.steps[0];
  const progress = forecasters.value.find((each) => each.active_run === run.run_id)?.progress ?? null;
  return (
    <li class={`run ${run.terminal ? "" : "active"} ${run.state}`}>
      <button type="button" class="run-head" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span class="run-name">
          <b>{run.forecaster}</b>
          <code title={run.run_id}>{run.short}</code>
          <time dateTime={run.started_at}>{moment(run.started_at).slice(0, 16)}</time>
        </span>
        {run.state !== "refused" && <Steps run={run} />}
        {first !== undefined && first !== last && <span class="cause">{sentence(first.text)}</span>}
        {last !== undefined && <span class={`outcome ${last.tone}`}>{sentence(last.text)}</span>}
      </button>
      {progress !== null && <ProgressBar progress={progress} />}
      {open && <Details run={run} />}
    </li>
  );
}

function Steps({ run }: { run: RunView }) {
  return (
    <span class="steps">
      {run.steps.map((step) => (
        <Chip key={step.step} step={step} />
      ))}
      {!run.terminal && <span class="chip waiting">…</span>}
    </span>
  );
}

function Chip({ step }: { step: StepView }) {
  return (
    <span class={`chip ${step.tone}`} title={`${moment(step.time)}: ${step.text}`}>
      {step.step}
    </span>
  );
}

function Details({ run }: { run: RunView }) {
  const [details, setDetails] = useState<Parameters<typeof RunDetails>[0]["details"] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    const leaving = new AbortController();
    fetch(`/api/runs/${encodeURIComponent(run.run_id)}`, { signal: leaving.signal })
      .then(async (response) => {
        if (!response.ok) throw new Error(`the console answered ${response.status}`);
        setDetails(await response.json());
        setProblem(null);
      })
      .catch((error: unknown) => {
        if (!leaving.signal.aborted) setProblem(error instanceof Error ? error.message : String(error));
      });
    return () => leaving.abort();
  }, [run.run_id, run.steps.length]);
  if (problem !== null) return <p class="empty">The details did not come: {problem}.</p>;
  return details === null ? <p class="empty">Reading …</p> : <RunDetails details={details} />;
}
