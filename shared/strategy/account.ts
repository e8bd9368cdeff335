import type { TradingCosts } from "../contracts/spec-strategy.ts";

/** Money and what it bought. Equity is `cash + units · price`; it begins at 1. */
export interface Account {
  readonly cash: number;
  /** negative: sold short */
  readonly units: number;
}

/** Share of the traded value that one fill costs: fee, half the spread and slippage. */
export function costShare({ fee_bps, spread_bps, slippage_bps }: TradingCosts): number {
  return (fee_bps + spread_bps / 2 + slippage_bps) / 10_000;
}

export function equityAt({ cash, units }: Account, price: number): number {
  return cash + units * price;
}

/** The account after buying (selling, where negative) units at a price. @param cost share of the traded value */
export function traded(account: Account, units: number, price: number, cost: number): Account {
  return {
    cash: account.cash - units * price - Math.abs(units) * price * cost,
    units: account.units + units,
  };
}
