// Closed trades of made sessions and what they amount to, in the API's form.
import { dec, iso, random, SESSION_DATE } from './fixture-data.mjs';

const SYMBOLS = ['NVTX', 'KOLB', 'ARDN', 'HXPC', 'MERQ', 'TALW', 'QUIN'];
const REASONS = { won: ['take_profit', 'flat_by_close'], lost: ['stop_loss', 'time_stop'] };
const START_EQUITY = 100_000;

const sum = (values) => values.reduce((a, b) => a + b, 0);
const mean = (values) => (values.length ? sum(values) / values.length : null);
const orNull = (value, places = 6) => (value === null ? null : dec(value, places));

function sessionsBefore(last, count) {
  const days = [];
  for (let at = Date.parse(`${last}T15:00:00Z`); days.length < count; at -= 86_400_000) {
    const day = new Date(at);
    if (day.getUTCDay() % 6 !== 0) days.unshift(day.toISOString().slice(0, 10));
  }
  return days;
}

/** Thirty sessions up to the running one, with up to three trades each; no trade of the running session is over. */
export function makeTrades() {
  const draw = random(23);
  const trades = [];
  for (const day of sessionsBefore(SESSION_DATE, 31).slice(0, -1)) {
    const open = Date.parse(`${day}T14:30:00Z`);
    for (let n = Math.floor(draw() * 4); n > 0; n -= 1) {
      const won = draw() < 0.42;
      const r = won ? 0.2 + draw() * 2.8 : -0.4 - draw() * 0.8;
      const [entry, distance, quantity] = [10 + draw() * 90, 0.1 + draw() * 0.4, 50 + Math.floor(draw() * 300)];
      const at = open + (6 + draw() * 80) * 60_000;
      const slipped = [draw() * 0.08 - 0.01, won ? null : draw() * 0.12];
      const total = slipped[0] + (slipped[1] ?? 0);
      const symbol = SYMBOLS[Math.floor(draw() * SYMBOLS.length)];
      trades.push({
        plan_id: `plan-${day}-${symbol}-${n}`, symbol, side: 'buy', session_date: day, strategy: draw() < 0.8 ? 'orb_stocks_in_play' : 'premarket_break', strategy_version: '0a1b2c3d4e5f', quantity,
        entry_at: iso(at), avg_entry_price: dec(entry), exit_at: iso(at + (5 + draw() * 200) * 60_000), avg_exit_price: dec(entry + r * distance), stop_distance: dec(distance),
        pnl: dec(r * distance * quantity, 2), fees: dec(0.01 * quantity, 2), r_multiple: dec(r, 6), closed_reason: REASONS[won ? 'won' : 'lost'][Math.floor(draw() * 2)],
        gap_pct: dec(4 + draw() * 12), catalyst: draw() < 0.3 ? '0' : dec(draw() * 60, 2), slippage_r: dec(total, 6), entry_slippage_r: dec(slipped[0], 6), stop_slippage_r: orNull(slipped[1]), slippage: dec(total * distance * quantity, 2),
      });
    }
  }
  return trades.sort((a, b) => (a.exit_at < b.exit_at ? 1 : -1));
}

function group(key, of) {
  const pnl = of.map((t) => Number(t.pnl));
  const r = of.map((t) => Number(t.r_multiple));
  const lost = -sum(pnl.filter((p) => p < 0));
  const wins = pnl.filter((p) => p > 0).length;
  return { key, trades: of.length, wins, win_rate_pct: dec((100 * wins) / of.length), pnl: dec(sum(pnl), 2), profit_factor: lost ? dec(sum(pnl.filter((p) => p > 0)) / lost) : null, expectancy_r: dec(mean(r), 6), total_r: dec(sum(r), 6), slippage_r: dec(mean(of.map((t) => Number(t.slippage_r))), 6) };
}

function groups(trades, keys, keyOf) {
  const found = keys ?? [...new Set(trades.map(keyOf))].sort();
  return found.map((key) => [key, trades.filter((t) => keyOf(t) === key)]).filter(([, of]) => of.length).map(([key, of]) => group(key, of));
}

const GAPS = ['below 2 %', '2 to 4 %', '4 to 6 %', '6 to 10 %', '10 % and more'];
const gapOf = (t) => GAPS[[2, 4, 6, 10].filter((edge) => Number(t.gap_pct) >= edge).length];
const POINTS = ['no points', 'below 10 points', '10 to 25 points', '25 to 50 points', '50 points and more'];
const pointsOf = (t) => POINTS[Number(t.catalyst) <= 0 ? 0 : 1 + [10, 25, 50].filter((edge) => Number(t.catalyst) >= edge).length];

function leg(name, values) {
  return { leg: name, trades: values.length, mean_r: orNull(mean(values)), worst_r: values.length ? dec(Math.max(...values), 6) : null, total_r: dec(sum(values), 6) };
}

/** The trades of a query, the last to end first. */
export function tradesOf(all, query) {
  const within = (t) => t.session_date >= (query.get('from') ?? '') && t.session_date <= (query.get('to') ?? '9999');
  return all.filter((t) => within(t) && (!query.get('strategy') || t.strategy === query.get('strategy')));
}

/** What the trades of a query amount to. */
export function analyticsOf(all, query) {
  const to = query.get('to') ?? SESSION_DATE;
  const from = query.get('from') ?? `${Number(to.slice(0, 4)) - 1}${to.slice(4)}`;
  const strategy = query.get('strategy');
  const trades = tradesOf(all, query);
  const r = trades.map((t) => Number(t.r_multiple)).sort((a, b) => a - b);
  const at = (part) => r[Math.round(part * (r.length - 1))];
  let [equity, peak] = [START_EQUITY, START_EQUITY];
  const sessions = sessionsBefore(SESSION_DATE, 31).filter((day) => day >= from && day <= to).map((day) => {
    const start = equity;
    const of = trades.filter((t) => t.session_date === day);
    const pnl = sum(of.map((t) => Number(t.pnl)));
    equity += pnl;
    peak = Math.max(peak, equity);
    return { session_date: day, start_equity: dec(start, 2), end_equity: dec(equity, 2), pnl: dec(pnl, 2), cumulative_pnl: dec(equity - START_EQUITY, 2), return_pct: dec((100 * pnl) / start, 6), drawdown_pct: dec((100 * (equity - peak)) / peak, 6), trades: of.length };
  });
  const whole = group('all', trades.length ? trades : [{ pnl: 0, r_multiple: 0, slippage_r: 0 }]);
  const one = trades.length > 0;
  const low = one ? Math.floor(r[0] * 2) : 0;
  const high = one ? Math.floor(r.at(-1) * 2) : -1;
  const histogram = Array.from({ length: high - low + 1 }, (_, n) => ({ from: String((low + n) / 2), to: String((low + n + 1) / 2), trades: r.filter((x) => Math.floor(x * 2) === low + n).length }));
  const slippage = { ...leg('both', trades.map((t) => Number(t.slippage_r))), total: dec(sum(trades.map((t) => Number(t.slippage))), 2), by_leg: [leg('entry', trades.map((t) => Number(t.entry_slippage_r))), leg('stop', trades.filter((t) => t.stop_slippage_r !== null).map((t) => Number(t.stop_slippage_r)))] };
  delete slippage.leg;
  delete slippage.trades;
  const won = r.filter((x) => x > 0);
  const lost = r.filter((x) => x <= 0);
  const growth = equity / START_EQUITY - 1;
  const minutes = from === to && sessions.length && !strategy ? Array.from({ length: 40 }, (_, n) => ({ at: iso(Date.parse(`${from}T14:30:00Z`) + n * 60_000), equity: dec(START_EQUITY + Math.sin(n / 6) * 40, 2), drawdown_pct: dec(Math.min(0, Math.sin(n / 6) * 0.04), 6) })) : [];
  return {
    from, to, strategy, symbol: null, basis: strategy ? 'trades' : 'account', running: to >= SESSION_DATE, open_trades: to >= SESSION_DATE ? 2 : 0, missing_sessions: [],
    returns: { sessions: sessions.length, pnl: dec(equity - START_EQUITY, 2), total_return_pct: sessions.length ? dec(100 * growth, 6) : null, cagr_pct: sessions.length ? dec(100 * ((1 + growth) ** (252 / sessions.length) - 1), 6) : null, annual_volatility_pct: sessions.length > 1 ? '9.123456' : null, sharpe: sessions.length > 1 ? '1.234567' : null, sortino: sessions.length > 1 ? '1.987654' : null, calmar: sessions.length > 1 ? '2.345678' : null, max_drawdown_pct: sessions.length ? dec(Math.min(...sessions.map((s) => Number(s.drawdown_pct))), 6) : null },
    trades: {
      count: trades.length, wins: won.length, win_rate_pct: one ? whole.win_rate_pct : null, net_pnl: whole.pnl, fees: dec(sum(trades.map((t) => Number(t.fees))), 2), profit_factor: one ? whole.profit_factor : null,
      expectancy: one ? dec(Number(whole.pnl) / trades.length, 2) : null, expectancy_r: one ? whole.expectancy_r : null, win_r: orNull(mean(won)), loss_r: orNull(mean(lost)),
      r: one ? { deviation: r.length > 1 ? '1.1' : null, min: dec(r[0], 6), p25: dec(at(0.25), 6), median: dec(at(0.5), 6), p75: dec(at(0.75), 6), max: dec(r.at(-1), 6) } : null, histogram, slippage,
      by_symbol: groups(trades, null, (t) => t.symbol), by_hour: groups(trades, null, (t) => `${String(Number(t.entry_at.slice(11, 13)) - 5).padStart(2, '0')}:00`), by_gap: groups(trades, GAPS, gapOf), by_catalyst: groups(trades, POINTS, pointsOf),
    },
    sessions, minutes,
  };
}
