import * as api from './api';
import type { Decimal, Time } from './api';
import type { PanelState } from './session.svelte';

/** Trades of one kind together. */
export interface Group {
  key: string;
  trades: number;
  wins: number;
  win_rate_pct: Decimal;
  pnl: Decimal;
  profit_factor: Decimal | null;
  expectancy_r: Decimal;
  total_r: Decimal;
  slippage_r: Decimal;
}

/** Trades from one R, it included, to another; null is without end. */
export interface Bin {
  from: Decimal | null;
  to: Decimal | null;
  trades: number;
}

export interface LegSlippage {
  leg: string;
  trades: number;
  mean_r: Decimal | null;
  worst_r: Decimal | null;
  total_r: Decimal;
}

export interface SessionPoint {
  session_date: string;
  start_equity: Decimal;
  end_equity: Decimal;
  pnl: Decimal;
  cumulative_pnl: Decimal;
  return_pct: Decimal | null;
  drawdown_pct: Decimal | null;
  trades: number;
}

export interface MinutePoint {
  at: Time;
  equity: Decimal;
  drawdown_pct: Decimal | null;
}

/** What the closed trades and sessions of a range amount to. */
export interface Analytics {
  from: string;
  to: string;
  strategy: string | null;
  symbol: string | null;
  /** Whether a session's result is the account's, or that of the trades asked for. */
  basis: 'account' | 'trades';
  running: boolean;
  open_trades: number;
  missing_sessions: string[];
  returns: {
    sessions: number;
    pnl: Decimal;
    total_return_pct: Decimal | null;
    cagr_pct: Decimal | null;
    annual_volatility_pct: Decimal | null;
    sharpe: Decimal | null;
    sortino: Decimal | null;
    calmar: Decimal | null;
    max_drawdown_pct: Decimal | null;
  };
  trades: {
    count: number;
    wins: number;
    win_rate_pct: Decimal | null;
    net_pnl: Decimal;
    fees: Decimal;
    profit_factor: Decimal | null;
    expectancy: Decimal | null;
    expectancy_r: Decimal | null;
    win_r: Decimal | null;
    loss_r: Decimal | null;
    r: { deviation: Decimal | null; min: Decimal; p25: Decimal; median: Decimal; p75: Decimal; max: Decimal } | null;
    histogram: Bin[];
    slippage: { mean_r: Decimal | null; worst_r: Decimal | null; total_r: Decimal; total: Decimal; by_leg: LegSlippage[] };
    by_symbol: Group[];
    by_hour: Group[];
    by_gap: Group[];
    by_catalyst: Group[];
  };
  sessions: SessionPoint[];
  minutes: MinutePoint[];
}

export interface ClosedTrade {
  plan_id: string;
  symbol: string;
  side: 'buy' | 'sell';
  session_date: string;
  strategy: string;
  quantity: number;
  entry_at: Time;
  avg_entry_price: Decimal;
  exit_at: Time;
  avg_exit_price: Decimal;
  pnl: Decimal;
  fees: Decimal;
  r_multiple: Decimal;
  closed_reason: string;
  gap_pct: Decimal | null;
  catalyst: Decimal | null;
  slippage_r: Decimal;
  entry_slippage_r: Decimal | null;
  stop_slippage_r: Decimal | null;
  slippage: Decimal;
}

/** What is asked about; null where the API decides: a year up to the current session, every strategy. */
export interface Asked {
  from: string | null;
  to: string | null;
  strategy: string | null;
}

function query(asked: Asked): Record<string, string> {
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== null)) as Record<string, string>;
}

/** The answer to one question; values of another are never shown beside it. */
export class AnalyticsAnswer {
  numbers = $state.raw<Analytics | null>(null);
  trades = $state.raw<readonly ClosedTrade[]>([]);
  error = $state.raw<api.ApiError | null>(null);
  #asks = 0;
  #asked = '';

  /** Asks; the answer to an earlier question that comes later does not count. */
  async ask(asked: Asked): Promise<void> {
    const mine = ++this.#asks;
    const params = query(asked);
    const said = JSON.stringify(params);
    if (said !== this.#asked) {
      this.#asked = said;
      this.numbers = null;
      this.trades = [];
      this.error = null;
    }
    try {
      const path = `analytics?${new URLSearchParams(params)}`;
      const [numbers, trades] = await Promise.all([api.get<Analytics>(path), api.list<ClosedTrade>('analytics/trades', params)]);
      if (mine !== this.#asks) return;
      this.numbers = numbers;
      this.trades = trades;
      this.error = null;
    } catch (cause) {
      if (mine !== this.#asks) return;
      this.error = cause instanceof api.ApiError ? cause : new api.ApiError('Unreadable answer', 0, String(cause), null);
    }
  }

  /** What a panel says that shows `rows` of it. */
  state(rows: number, stale: boolean): PanelState {
    if (this.error) return 'error';
    if (!this.numbers) return 'loading';
    return rows === 0 ? 'empty' : stale ? 'stale' : 'live';
  }
}

/** What a reader of the numbers must know. */
export function cautions(of: Analytics): string[] {
  const told: string[] = [];
  if (of.running) told.push('The last session is not over: its numbers may change.');
  if (of.open_trades > 0) told.push(`${of.open_trades} open ${of.open_trades === 1 ? 'trade is' : 'trades are'} not counted.`);
  const missing = of.missing_sessions.length;
  if (missing > 0) told.push(`${missing} ${missing === 1 ? 'session has' : 'sessions have'} no recorded result, the first ${of.missing_sessions[0]}.`);
  if (of.returns.sessions > 0 && of.returns.sessions < 20) told.push(`Yearly ratios of ${of.returns.sessions} ${of.returns.sessions === 1 ? 'session' : 'sessions'} say little.`);
  return told;
}

/** `0.5 to 1 R`; open ends in words. */
export function binName(bin: Bin): string {
  const shown = (value: Decimal): string => value.replace('-', '−');
  if (bin.from === null) return bin.to === null ? 'any R' : `below ${shown(bin.to)} R`;
  return bin.to === null ? `${shown(bin.from)} R and more` : `${shown(bin.from)} to ${shown(bin.to)} R`;
}
