import type { ProgressView } from "../../projection/view.ts";
import { figure } from "../../words/format.ts";

/** How far a search is. */
export function ProgressBar({ progress }: { progress: ProgressView }) {
  const { done, total, best_rmse, phase } = progress;
  const words = `${phase === "fallback" ? "falling back" : "searching"}: trial ${done} of ${total}`;
  return (
    <p class="searching">
      <progress value={done} max={total} aria-label={words} />
      <span>
        {words}
        {best_rmse !== null && `, best RMSE ${figure(best_rmse, 3)}`}
      </span>
    </p>
  );
}
