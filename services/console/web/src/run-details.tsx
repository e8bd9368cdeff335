import type { CriterionView, RunDetails as Details, TrialView } from "../../projection/view.ts";
import { figure, percent, span } from "../../words/format.ts";

/** A run told step by step, with its trial table and the criteria. */
export function RunDetails({ details }: { details: Details }) {
  const { explanation, trials, criteria } = details;
  return (
    <div class="details">
      {explanation.sections.map(({ title, lines }) => (
        <section key={title}>
          <h3>{title}</h3>
          {lines.map((line) => (
            <p key={line}>{line}</p>
          ))}
        </section>
      ))}
      {criteria.length > 0 && <Criteria criteria={criteria} />}
      {trials.length > 0 && <Trials trials={trials} />}
    </div>
  );
}

function Criteria({ criteria }: { criteria: readonly CriterionView[] }) {
  return (
    <div class="scroll">
      <table>
        <caption>Criteria</caption>
        <thead>
          <tr>
            <th>criterion</th>
            <th>verdict</th>
            <th class="number">value</th>
            <th>limit</th>
          </tr>
        </thead>
        <tbody>
          {criteria.map(({ name, passed, value, limit }) => (
            <tr key={name}>
              <td>{name}</td>
              <td class={passed ? "good" : "bad"}>{passed ? "passed" : "failed"}</td>
              <td class="number">{figure(value, 3)}</td>
              <td>{limit}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Trials({ trials }: { trials: readonly TrialView[] }) {
  return (
    <div class="scroll">
      <table>
        <caption>Trials, best first</caption>
        <thead>
          <tr>
            <th>model</th>
            {["context", "samples", "temp", "RMSE", "MASE", "in band", "time"].map((name) => (
              <th key={name} class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {trials.map((trial) => (
            <tr key={`${trial.number}`} class={trial.chosen ? "chosen" : ""} title={trial.error ?? undefined}>
              <td>{trial.model}</td>
              <td class="number">{trial.context_length}</td>
              <td class="number">{trial.num_samples}</td>
              <td class="number">{figure(trial.temperature)}</td>
              <td class="number">{trial.rmse === null ? "failed" : figure(trial.rmse)}</td>
              <td class="number">{figure(trial.mase, 3)}</td>
              <td class="number">{percent(trial.coverage)}</td>
              <td class="number">{span(trial.duration_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
