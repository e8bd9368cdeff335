/**
 * The path of the first difference of two JSON values with both sides, such as `detectors.0.fired: true, not false`;
 * undefined where they are the same to the last bit. A field that is undefined counts as absent.
 */
export function difference(recorded: unknown, made: unknown, path = ""): string | undefined {
  if (isObject(recorded) && isObject(made) && Array.isArray(recorded) === Array.isArray(made)) {
    for (const key of new Set([...Object.keys(recorded), ...Object.keys(made)])) {
      const found = difference(recorded[key], made[key], path === "" ? key : `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (Object.is(recorded, made)) return undefined;
  return `${path}: recorded ${shown(recorded)}, made again ${shown(made)}`;
}

/** A value as it goes over the wire: without fields that are undefined. */
export function onTheWire<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function shown(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
