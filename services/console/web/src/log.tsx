import { moment, sentence } from "../../words/format.ts";
import { log } from "./store.ts";

/** The decisions as they came, newest first. */
export function Log() {
  return (
    <section class="log" aria-label="Event log">
      <h2 class="section">Event log</h2>
      {log.value.length === 0 && <p class="empty">Nothing was decided yet.</p>}
      <ol>
        {log.value.map(({ sequence, time, forecaster, tone, text }) => (
          <li key={sequence}>
            <span class="sequence">{sequence}</span>
            <time dateTime={time}>{moment(time)}</time>
            <b>{forecaster ?? ""}</b>
            <span class={tone}>{sentence(text)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
