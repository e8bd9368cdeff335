/** Four significant digits, without exponents: 6.900, 0.05124, 12346. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "no number";
  const magnitude = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(10, Math.max(0, 3 - magnitude)));
}

/** A share in percent with up to one decimal: 0.05 is 5 %, 0.0072 is 0.7 %. */
export function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}

/** A relative improvement in words: 0.7 % better, 2.1 % worse. */
export function change(improvement: number | null): string {
  if (improvement === null) return "not comparable";
  if (improvement < -1e6) return "far worse";
  return improvement < 0 ? `${percent(-improvement)} worse` : `${percent(improvement)} better`;
}
