import { check } from "../../../shared/check.ts";
import { type LedgerReply, LedgerRequest } from "../../../shared/contracts/inference-buffer.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import { quote, rows, timestamp } from "../../../shared/history/duckdb.ts";
import type { History } from "../../../shared/history/history.ts";
import { PATIENCE_MS } from "../state.ts";
import type { Ingest } from "../stream/ingest.ts";

type Counts = LedgerReply["total"];

/**
 * Answers `inference-buffer.ledger`. The counts are read from the history each time, so they are the same after
 * any restart, and a record that came twice counts once.
 *
 * @throws {InvalidInputError} naming the field of a request that is none, or a forecaster nobody knows
 */
export async function answerLedger(
  payload: unknown,
  parts: { history: History; ingest: Ingest; specs: () => readonly ForecasterSpec[]; nowMs: number },
): Promise<LedgerReply> {
  const { forecaster, variant } = check(LedgerRequest, payload ?? {}, "inference-buffer.ledger");
  const spec = parts.specs().find((each) => each.forecaster === forecaster);
  if (spec === undefined)
    throw new InvalidInputError(
      `inference-buffer.ledger: field 'forecaster' is '${forecaster}', expected one that has a spec`,
    );
  await parts.ingest.readOn();
  const stream = { last_sequence: parts.ingest.lastSequence };
  await parts.ingest.flush();
  const steps = await parts.history.read(
    async (relation, connection) =>
      (await rows(
        connection,
        ledgerSql(relation, spec, variant, parts.nowMs),
      )) as unknown as LedgerReply["steps"],
  );
  return { forecaster, variant, stream, steps, total: totalOf(steps) };
}

function totalOf(steps: readonly Counts[]): Counts {
  const sum = (field: keyof Counts) => steps.reduce((total, each) => total + each[field], 0);
  return {
    made: sum("made"),
    matured: sum("matured"),
    scored: sum("scored"),
    missing: sum("missing"),
    in_incident: sum("in_incident"),
  };
}

/**
 * Counts by step. A prediction is told from another by version, times, step and entity, as the ledger in memory
 * tells them; it is missing once its series was observed more than `PATIENCE_MS` after its target.
 */
function ledgerSql(
  relation: string,
  { forecaster, series, metric, entity }: ForecasterSpec,
  variant: string,
  nowMs: number,
): string {
  const member = (column: string) => `coalesce(${column}, ${quote(entity ?? "")})`;
  const identity = `step, model_version, issued_at, target_ts, ${member("entity")} AS member`;
  const own = `id = ${quote(forecaster)} AND coalesce(variant, 'champion') = ${quote(variant)}`;
  const count = (condition: string) => `count(*) FILTER (${condition})::DOUBLE`;
  return `
    WITH made AS (SELECT DISTINCT ${identity} FROM ${relation} WHERE kind = 'prediction' AND ${own}),
    scored AS (
      SELECT ${identity}, true AS is_scored, coalesce(bool_or(in_incident), false) AS in_incident
      FROM ${relation} WHERE kind = 'score' AND ${own} GROUP BY ALL
    ),
    observed AS (
      SELECT coalesce(entity, '') AS member, max(ts) AS newest FROM ${relation}
      WHERE kind = 'observation' AND id = ${quote(series)} AND metric = ${quote(metric)} GROUP BY ALL
    )
    SELECT step::DOUBLE AS step, count(*)::DOUBLE AS made,
      ${count(`is_scored OR target_ts <= greatest(${timestamp(nowMs)}, newest)`)} AS matured,
      ${count("is_scored")} AS scored,
      ${count(`is_scored IS NULL AND target_ts < (SELECT max(newest) FROM observed) - to_milliseconds(${PATIENCE_MS})`)} AS missing,
      ${count("is_scored AND in_incident")} AS in_incident
    FROM made LEFT JOIN scored USING (step, model_version, issued_at, target_ts, member) LEFT JOIN observed USING (member)
    GROUP BY step ORDER BY step`;
}
