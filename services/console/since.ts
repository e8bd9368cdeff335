import { Duration, durationMs } from "../../shared/contracts/duration.ts";
import { InvalidInputError } from "../../shared/errors.ts";

/**
 * The moment `--since` (or another `flag`) means: a duration back from `nowMs` (`90m`, `14d`), or a time (`2026-03-01`,
 * `2026-03-01T12:00:00Z`, read as UTC where no zone is given).
 *
 * @throws {InvalidInputError} naming what was given and what is understood
 */
export function parseSince(text: string, nowMs: number, flag = "--since"): Date {
  if (Duration.safeParse(text).success) return new Date(nowMs - durationMs(text));
  const whole =
    /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?$/.test(text) && text.includes("T")
      ? `${text}Z`
      : text;
  const at = new Date(whole);
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(at.getTime())) return at;
  throw new InvalidInputError(
    `${flag} is '${text}', expected a duration such as 90m or 14d, or a time such as 2026-03-01T12:00:00Z`,
  );
}
