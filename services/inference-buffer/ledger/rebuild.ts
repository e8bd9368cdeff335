import type { Incident } from "../../../shared/contracts/incidents.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Prediction, Score } from "../../../shared/contracts/telemetry.ts";
import { quote, rows, timestamp } from "../../../shared/history/duckdb.ts";
import type { History } from "../../../shared/history/history.ts";
import { observe, predict, scoreSeen } from "../decide.ts";
import { type Ledger, newLedger, PATIENCE_MS } from "../state.ts";

interface Past {
  readonly kind: "observation" | "prediction" | "score";
  readonly id: string;
  readonly entity: string | null;
  readonly metric: string;
  readonly value: number;
  readonly t: number;
  readonly issued: number;
  readonly step: number;
  readonly mean: number;
  readonly lower: number;
  readonly upper: number;
  readonly quantiles: string | null;
  readonly version: string;
  readonly variant: Score["variant"] | null;
}

/**
 * The ledger as the history implies it: the same steps as live, over the rows that may still matter, in the
 * order they arrived. It is holding; `release` it once the stream has been read to its end.
 */
export async function rebuildLedger(
  history: History,
  specs: readonly ForecasterSpec[],
  incidents: readonly Incident[] = [],
): Promise<Ledger> {
  const ledger = newLedger(specs, incidents);
  if (specs.length === 0) return ledger;
  const bySeries = Map.groupBy(specs, ({ series }) => series);
  for (const [series, same] of bySeries) {
    const forecasters = same.map(({ forecaster }) => quote(forecaster)).join(", ");
    await history.read(async (relation, connection) => {
      const seen = `kind = 'observation' AND id = ${quote(series)}`;
      const [newest] = await rows(
        connection,
        `SELECT epoch_ms(max(ts))::DOUBLE AS t FROM ${relation} WHERE ${seen}`,
      );
      const newestMs = (newest?.t as number | null) ?? 0;
      const from = timestamp(newestMs - PATIENCE_MS);
      const fromObservation = timestamp(newestMs - ledger.keptMs.get(series)!);
      const sql = `SELECT kind, id, entity, metric, value, epoch_ms(coalesce(ts, target_ts))::DOUBLE AS t, epoch_ms(issued_at)::DOUBLE AS issued,
          step::DOUBLE AS step, mean, lower, upper, quantiles, model_version AS version, variant FROM ${relation}
        WHERE (${seen} AND ts >= ${fromObservation}) OR (kind IN ('prediction', 'score') AND id IN (${forecasters}) AND target_ts >= ${from})
        ORDER BY arrived, seq, idx`;
      const result = await connection.run(sql);
      const names = result.deduplicatedColumnNames();
      for (;;) {
        const chunk = await result.fetchChunk();
        if (chunk === null || chunk.rowCount === 0) break;
        for (const row of chunk.getRowObjects(names)) learn(ledger, row as unknown as Past);
      }
    });
  }
  return ledger;
}

function learn(
  ledger: Ledger,
  { kind, id, entity, metric, value, t, issued, step, mean, lower, upper, quantiles, version, variant }: Past,
): void {
  const member = entity === null ? {} : { entity };
  if (kind === "observation") {
    observe(ledger, id, { ts: new Date(t).toISOString(), ...member, values: { [metric]: value } });
    return;
  }
  const common = {
    issued_at: new Date(issued).toISOString(),
    target_ts: new Date(t).toISOString(),
    step,
    ...member,
    model_version: version,
    ...(variant === null ? {} : { variant }),
  };
  if (kind === "prediction")
    predict(ledger, id, {
      ...common,
      mean,
      lower,
      upper,
      ...(quantiles === null ? {} : { quantiles: JSON.parse(quantiles) as Record<string, number> }),
      known_entity: true,
      latency_ms: 0,
    } satisfies Prediction);
  else
    scoreSeen(ledger, id, { ...common, error: 0, abs_pct_error: null, in_interval: false } satisfies Score);
}
