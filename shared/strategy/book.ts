import type { StrategyParameters } from "../contracts/strategy-parameters.ts";
import { type Account, equityAt, traded } from "./account.ts";
import type { Bars } from "./bars.ts";
import { exitIn } from "./exits.ts";
import type { Side } from "./sizing.ts";

/** One position from its opening to its closing; its size never changes. */
export interface Trade {
  readonly side: 1 | -1;
  /** index of the bars of both fills */
  readonly entered: number;
  readonly left: number;
  /** prices before costs */
  readonly entry: number;
  readonly exit: number;
  /** share of equity that was put into it */
  readonly size: number;
  /** change of equity by it, as a share of the equity before it, after costs */
  readonly profit: number;
  readonly reason: "signal" | "stop-loss" | "take-profit" | "end" | "ruin";
}

/** An opened position and what equity was before it. */
interface Position {
  readonly side: 1 | -1;
  readonly entered: number;
  readonly entry: number;
  readonly size: number;
  readonly equityBefore: number;
}

/** The account, its one position, and the trades so far. */
export class Book {
  private readonly cost: number;
  private account: Account = { cash: 1, units: 0 };
  private position: Position | undefined;
  readonly trades: Trade[] = [];
  turnover = 0;
  /** at the last mark */
  equity = 1;
  isRuined = false;

  constructor(cost: number) {
    this.cost = cost;
  }

  get side(): Side {
    return this.position?.side ?? 0;
  }

  /** Closes what is held and opens `share` of equity, negative for short. */
  moveTo(share: number, t: number, price: number): void {
    this.liquidate(t, price, "signal");
    if (share === 0 || this.equity <= 0) return;
    const side = share > 0 ? 1 : -1;
    const size = Math.abs(share);
    const equityBefore = this.equity;
    // Costs included, a size of 1 spends the equity and no more.
    this.trade((side * size * equityBefore) / (price * (1 + this.cost)), price);
    this.position = { side, entered: t, entry: price, size, equityBefore };
  }

  applyExits(bars: Bars, t: number, parameters: StrategyParameters): void {
    if (this.position === undefined) return;
    const exit = exitIn(bars, t, this.position.side, this.position.entry, parameters);
    if (exit !== undefined) this.liquidate(t, exit.price, exit.reason);
  }

  /** Takes the equity at a price; what is worth nothing any more is closed for good. */
  mark(t: number, price: number): void {
    if (this.isRuined) return;
    this.equity = equityAt(this.account, price);
    if (this.equity > 0) return;
    this.liquidate(t, price, "ruin");
    this.equity = 0;
    this.isRuined = true;
  }

  liquidate(t: number, price: number, reason: Trade["reason"]): void {
    if (this.position === undefined) return;
    const { side, entered, entry, size, equityBefore } = this.position;
    this.equity = equityAt(this.account, price);
    this.trade(-this.account.units, price);
    this.equity = this.account.cash;
    this.position = undefined;
    const profit = Math.max(-1, this.equity / equityBefore - 1);
    this.trades.push({ side, entered, left: t, entry, exit: price, size, profit, reason });
  }

  private trade(units: number, price: number): void {
    if (this.equity > 0) this.turnover += (Math.abs(units) * price) / this.equity;
    this.account = traded(this.account, units, price, this.cost);
  }
}
