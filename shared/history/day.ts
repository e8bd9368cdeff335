import { InvalidInputError } from "../errors.ts";

/**
 * Day of a time in an IANA zone, as `YYYY-MM-DD`. The last answer's day is remembered by its hour, since
 * every zone's midnight lies on a quarter of an hour.
 *
 * @throws {InvalidInputError} for a zone this runtime does not know
 */
export function dayIn(zone: string): (timeMs: number) => string {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-CA", {
      timeZone: zone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
    });
  } catch (cause) {
    throw new InvalidInputError(
      `time zone is '${zone}', expected an IANA name such as UTC or America/Santiago`,
      { cause },
    );
  }
  let quarter = Number.NaN;
  let day = "";
  return (timeMs) => {
    const at = Math.floor(timeMs / 900_000);
    if (at !== quarter) {
      quarter = at;
      day = format.format(timeMs);
    }
    return day;
  };
}

/** Calendar day `days` before `day`. */
export function daysBefore(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) - days * 86_400_000).toISOString().slice(0, 10);
}
