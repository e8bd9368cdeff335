let lastText = "";
let lastMs = Number.NaN;

/** Milliseconds of an ISO-8601 time. Neighbouring records often share it, so the last answer is kept. */
export function timeMs(text: string): number {
  if (text !== lastText) {
    lastText = text;
    lastMs = Date.parse(text);
  }
  return lastMs;
}
