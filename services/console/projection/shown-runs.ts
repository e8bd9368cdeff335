const RUNS = 40;
const REFUSED = 2;

/**
 * Of runs, newest first, those the page lists: the newest 40, among them no more than 2 refused ones, because
 * a trigger may be refused day after day while a cool-down lasts.
 */
export function shownRuns<R extends { readonly state: string }>(newestFirst: readonly R[]): R[] {
  const shown: R[] = [];
  let refused = 0;
  for (const run of newestFirst) {
    if (shown.length >= RUNS) break;
    if (run.state === "refused") refused += 1;
    if (run.state !== "refused" || refused <= REFUSED) shown.push(run);
  }
  return shown;
}
