import { strFromU8, strToU8 } from "fflate";
import { z } from "zod";
import { explain } from "../../errors.ts";
import { ModelMismatchError } from "../manifest.ts";
import { NINE_LEVELS } from "../quantile-forecast.ts";

/** What every member forecast in a backtest, and what came: all that weights need. */
export interface StoredForecasts {
  /** steps */
  readonly horizon: number;
  /** names, in the order of each window's forecasts */
  readonly members: readonly string[];
  /** oldest cutoff first */
  readonly windows: readonly StoredWindow[];
}

/** One series at one cutoff. */
export interface StoredWindow {
  readonly entity: string | null;
  /** ms since the epoch */
  readonly cutoffMs: number;
  /** mean absolute change of the context from step to step, unit of the series; 0 for a constant one */
  readonly scale: number;
  /** [horizon], NaN where nothing was observed, unit of the series */
  readonly actual: Float32Array;
  /** per member [horizon, 9] row-major at the levels .1 … .9, unit of the series */
  readonly forecasts: readonly Float32Array[];
}

const Header = z.object({
  horizon: z.int().positive(),
  members: z.array(z.string()).min(1),
  windows: z.array(z.object({ entity: z.string().nullable(), cutoff_ms: z.number(), scale: z.number() })),
});

const LEVELS = NINE_LEVELS.length;

/**
 * As bytes: a uint32 with the length of a JSON header, the header, then float32 numbers without padding, all
 * little-endian. For each window the actual values come first, then one forecast a member.
 */
export function encodeForecasts({ horizon, members, windows }: StoredForecasts): Uint8Array {
  const header = strToU8(
    JSON.stringify({
      horizon,
      members,
      windows: windows.map(({ entity, cutoffMs, scale }) => ({ entity, cutoff_ms: cutoffMs, scale })),
    }),
  );
  const each = horizon * (1 + LEVELS * members.length);
  const bytes = new Uint8Array(4 + header.length + 4 * each * windows.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, header.length, true);
  bytes.set(header, 4);
  let at = 4 + header.length;
  for (const { actual, forecasts } of windows) {
    for (const values of [actual, ...forecasts]) {
      for (const value of values) {
        view.setFloat32(at, value, true);
        at += 4;
      }
    }
  }
  return bytes;
}

/** @throws {ModelMismatchError} naming `what` when the bytes are something else or cut short */
export function decodeForecasts(bytes: Uint8Array, what: string): StoredForecasts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { header, end } = readHeader(view, bytes, what);
  const { horizon, members, windows } = header;
  const expected = end + 4 * horizon * (1 + LEVELS * members.length) * windows.length;
  if (bytes.length !== expected)
    throw new ModelMismatchError(`'${what}' has ${bytes.length} bytes, its header promises ${expected}`);
  let at = end;
  const take = (length: number) =>
    Float32Array.from({ length }, () => {
      at += 4;
      return view.getFloat32(at - 4, true);
    });
  return {
    horizon,
    members,
    windows: windows.map(({ entity, cutoff_ms, scale }) => ({
      entity,
      cutoffMs: cutoff_ms,
      scale,
      actual: take(horizon),
      forecasts: members.map(() => take(horizon * LEVELS)),
    })),
  };
}

function readHeader(view: DataView, bytes: Uint8Array, what: string) {
  try {
    const end = 4 + view.getUint32(0, true);
    return { header: Header.parse(JSON.parse(strFromU8(bytes.subarray(4, end)))), end };
  } catch (cause) {
    throw new ModelMismatchError(`'${what}' holds no stored forecasts: ${explain(cause)}`, { cause });
  }
}
