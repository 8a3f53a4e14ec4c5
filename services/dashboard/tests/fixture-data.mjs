// A made session, the same on every run: what the fixture server tells the page.

export const SESSION_DATE = '2026-11-24';
const OPEN = Date.parse('2026-11-24T14:30:00Z');
export const START = OPEN + 9 * 60_000 + 14_000;

/** Numbers in 0..1 that only depend on the seed (mulberry32). */
export function random(seed) {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const iso = (ms) => new Date(ms).toISOString();
export const dec = (value, places = 4) => value.toFixed(places);

const GAPPERS = [
  ['NVTX', 48.2, 12.4, 18.31], ['KOLB', 21.75, 8.9, 11.02], ['ARDN', 133.6, 6.2, 7.45], ['HXPC', 15.32, 15.8, 24.9],
  ['MERQ', 62.1, 5.1, 4.88], ['TALW', 9.84, 9.7, 6.13], ['QUIN', 27.4, 4.6, 3.02],
];

function criteria(c) {
  const check = (name, value, comparison, threshold, unit, source) => {
    const v = value === null ? null : Number(value);
    const t = Number(threshold);
    const holds = comparison === '>=' ? v >= t : comparison === '<=' ? v <= t : comparison === '>' ? v > t : v === t;
    return { name, value: value === null ? null : dec(v, 6), threshold: dec(t, 6), comparison, outcome: v === null ? 'not_evaluated' : holds ? 'pass' : 'fail', unit, source };
  };
  return [
    check('reference', 1, '=', 1, 'yes_no', 'yahoo chart 1d'),
    check('feed_complete', 0, '<=', 0, 'ratio', 'feed gaps'),
    check('security_type', 1, '=', 1, 'yes_no', 'finnhub stock/symbol'),
    check('price', c.open, '>=', 5, 'usd_per_share', 'finnhub trades 09:30'),
    check('average_volume', c.adv, '>=', 1_000_000, 'shares', 'yahoo chart 1d, 14 sessions'),
    check('atr', c.atr, '>=', 0.5, 'usd_per_share', 'yahoo chart 1d, Wilder 14'),
    check('gap', c.gap, '>=', 4, 'percent', 'first trade 09:30 against the previous close'),
    check('premarket_volume', c.premarket, '>=', 100_000, 'shares', 'finnhub trades 04:00-09:30'),
    check('relative_volume', c.rvol, '>=', 1, 'ratio', 'finnhub trades 09:30-09:35 against 14 sessions'),
    check('opening_range_direction', c.direction, '=', 1, 'direction', 'finnhub trades 09:30-09:35'),
    check('float', null, '<=', 100_000_000, 'shares', 'no float source configured'),
  ];
}

function candidate(symbol, prevClose, gap, rvol, at, schedule, draw) {
  const open = prevClose * (1 + gap / 100);
  const atr = Math.max(0.12, prevClose * (0.02 + 0.05 * draw()));
  const c = { open, gap, rvol, atr, adv: Math.round(2e5 + 9e6 * draw()), premarket: Math.round(gap > 4 ? 1.2e5 + 2e6 * draw() : 9e4 * draw()), direction: draw() > 0.2 || gap > 4 ? 1 : -1 };
  if (gap > 4 && rvol > 3) c.adv = Math.max(c.adv, 1.2e6);
  if (gap > 4 && rvol > 3) c.atr = Math.max(c.atr, 0.62);
  const list = schedule === 'trade' ? criteria(c) : criteria({ ...c, rvol: null, direction: null });
  const refused = list.find((x) => x.outcome === 'fail') ?? null;
  const round = `${SESSION_DATE}-${schedule}-${schedule === 'trade' ? '0935' : '0915'}`;
  return {
    id: `${round}-${symbol}`, round_id: round, schedule, symbol, session_date: SESSION_DATE, evaluated_at: iso(at),
    passed: refused === null, refused_by: refused?.name ?? null, score: refused ? null : dec(rvol * 4 + gap, 2), rank: null,
    signal_id: refused ? null : `sig-${symbol.toLowerCase()}`, last: dec(open * (1 + 0.01 * (draw() - 0.4))), prev_close: dec(prevClose), open: dec(open),
    gap_pct: dec(gap), rvol: schedule === 'trade' ? dec(rvol) : null, atr_14: dec(c.atr), premarket_high: dec(open * 1.012), premarket_low: dec(open * 0.968),
    premarket_volume: c.premarket, or_high: dec(open * 1.008), or_low: dec(open * 0.991), or_volume: Math.round(c.adv * 0.02 * rvol), adv_14: c.adv, criteria: list,
  };
}

function bars(symbol, level, draw) {
  const made = [];
  let price = level * 0.992;
  for (let start = OPEN - 90 * 60_000; start <= START; start += 60_000) {
    const regular = start >= OPEN;
    if (!regular && draw() < 0.25) continue;
    const width = level * (regular ? 0.004 : 0.0018);
    const open = price;
    const close = open + width * (draw() * 2 - 0.92);
    const high = Math.max(open, close) + width * draw() * 0.7;
    const low = Math.min(open, close) - width * draw() * 0.7;
    made.push({ symbol, start: iso(start), open: dec(open), high: dec(high), low: dec(low), close: dec(close), volume: Math.round((regular ? 90_000 : 9_000) * (0.4 + draw())) });
    price = close;
  }
  return made;
}

/** Everything a session at 09:39 ET holds. */
/** Half at twice the stop distance behind a trail and a time stop, or nothing but the close. */
function exitsOf(some, quantity, entry, distance, filled) {
  const target = { slice: 1, price: dec(entry + 2 * distance), fraction_bps: 5000, quantity: Math.floor(quantity / 2), filled_qty: 0, state: filled ? 'working' : 'waiting' };
  return {
    targets: some ? [target] : [],
    trail: some ? { from: dec(entry + 2 * distance), distance: dec(distance), state: 'waiting' } : null,
    time_stop: some ? { due_at: filled ? iso(OPEN + 66 * 60_000) : null, after_seconds: 3600, price: dec(entry + distance / 2), state: 'waiting' } : null,
    halt_resume_seconds: 30,
  };
}

export function makeSession() {
  const draw = random(7);
  const letters = 'ABCDEFGHIJKLMNOPRSTUVWXYZ';
  const others = Array.from({ length: 180 }, () => {
    const symbol = Array.from({ length: 3 + Math.floor(draw() * 2) }, () => letters[Math.floor(draw() * letters.length)]).join('');
    return [symbol, 4 + 180 * draw(), (draw() - 0.45) * 9, 0.3 + 1.6 * draw()];
  });
  const candidates = [];
  for (const [symbol, close, gap, rvol] of [...GAPPERS, ...new Map(others.map((o) => [o[0], o])).values()]) {
    candidates.push(candidate(symbol, close, gap, rvol, OPEN - 15 * 60_000, 'watch', draw));
    candidates.push(candidate(symbol, close, gap, rvol, OPEN + 5 * 60_000, 'trade', draw));
  }
  const ranked = candidates.filter((c) => c.passed && c.schedule === 'trade').sort((a, b) => Number(b.score) - Number(a.score));
  ranked.forEach((c, at) => (c.rank = at + 1));

  const plans = [], decisions = [], orders = [], fills = [], positions = [], story = {};
  const states = ['open', 'open', 'working', 'closed', 'denied', 'working'];
  ranked.slice(0, states.length).forEach((c, at) => {
    const id = `plan-${SESSION_DATE}-${c.symbol}`;
    const state = states[at];
    const entry = Number(c.or_high) + 0.01;
    const distance = Number(c.atr_14) * 0.1;
    const proposed = OPEN + 5 * 60_000 + 412;
    const caps = { risk: Math.floor(50 / distance), notional: Math.floor(25_000 / entry), gross: Math.floor(180_000 / entry), buying_power: Math.floor(190_000 / entry), liquidity: Math.floor(Math.min(c.or_volume * 0.01, c.adv_14 * 0.001)), sector: Math.floor(60_000 / entry) };
    const [cap, quantity] = Object.entries(caps).sort((a, b) => a[1] - b[1])[0];
    const filled = state === 'open' || state === 'closed' ? quantity : 0;
    const r = state === 'open' ? [1.24, -0.5][at] : state === 'closed' ? -1.04 : null;
    const entryId = `fa-${c.symbol.toLowerCase().padEnd(26, 'q7w2x4')}-e1`;
    const fillPrice = entry + 0.02;
    const stop = fillPrice - distance;
    plans.push({
      id, signal_id: c.signal_id, round_id: c.round_id, symbol: c.symbol, side: 'buy', session_date: SESSION_DATE, rank: c.rank, entry: dec(entry), entry_limit: dec(entry * 1.0015),
      stop_distance: dec(distance), stop: filled ? dec(stop) : null, targets: at === 1 ? [dec(entry + 2 * distance)] : [], exits: exitsOf(at === 1, quantity, entry, distance, filled), valid_until: iso(OPEN + 90 * 60_000), exit_by: iso(OPEN + 384 * 60_000), state,
      quantity: state === 'denied' ? null : quantity, binding_cap: state === 'denied' ? null : cap, denied_reason: state === 'denied' ? 'limit_reached' : null, closed_reason: state === 'closed' ? 'stopped_out' : null,
      pnl: r === null ? null : dec(r * distance * quantity, 2), r_multiple: r === null ? null : dec(r), proposed_at: iso(proposed),
    });
    const terms = Object.entries(caps).map(([name, value]) => ({ name: `q_${name}`, value, detail: name === 'risk' ? `floor(50.00 / ${distance.toFixed(4)})` : name === 'notional' ? `floor(100,000.00 × 25% / ${entry.toFixed(4)})` : name === 'liquidity' ? `floor(min(1% × ${c.or_volume}, 0.1% × ${c.adv_14}))` : `at a price of ${entry.toFixed(4)}` }));
    decisions.push({ id: `dec-${c.symbol}`, plan_id: id, symbol: c.symbol, outcome: state === 'denied' ? 'denied' : 'approved', quantity: state === 'denied' ? null : quantity, reason: state === 'denied' ? 'limit_reached' : null, detail: state === 'denied' ? 'open plans 5 of 5' : null, binding_cap: state === 'denied' ? null : cap, terms: state === 'denied' ? [] : terms, equity: '100000.00', decided_at: iso(proposed + 38) });
    const told = [
      ['SCAN', 'SignalGenerated', `gap ${dec(Number(c.gap_pct), 2)}%, rvol ${dec(Number(c.rvol), 2)}, score ${c.score}`, proposed - 402],
      ['PLAN', 'RoundClosed', `rank ${c.rank} of ${ranked.length}`, proposed - 30], ['PLAN', 'PlanProposed', `entry ${entry.toFixed(2)}, stop distance ${distance.toFixed(3)}`, proposed],
      state === 'denied' ? ['RISK', 'PlanDenied', 'open plans 5 of 5', proposed + 38] : ['RISK', 'PlanApproved', `${quantity} shares, bound by ${cap}`, proposed + 38],
    ];
    if (state !== 'denied') {
      orders.push({ client_order_id: entryId, venue_order_id: `v-${1000 + at}`, plan_id: id, symbol: c.symbol, leg: 'entry', side: 'buy', order_type: 'stop_limit', quantity, filled_qty: filled, limit_price: dec(entry * 1.0015), stop_price: dec(entry), avg_fill_price: filled ? dec(fillPrice) : null, state: filled ? 'filled' : 'working', attempt: 1, intended_at: iso(proposed + 41), updated_at: iso(proposed + 60 + at * 9000) });
      told.push(['ORDER', 'OrderIntended', `entry buy ${quantity} stop-limit ${entry.toFixed(2)}`, proposed + 41], ['ORDER', 'OrderUpdated', 'accepted by the broker', proposed + 60]);
    }
    if (filled) {
      const parts = [Math.ceil(quantity * 0.6), Math.floor(quantity * 0.4)];
      parts.forEach((part, n) => {
        const when = proposed + 9_200 + at * 8_000 + n * 350;
        fills.push({ id: `fill-${c.symbol}-${n}`, client_order_id: entryId, plan_id: id, symbol: c.symbol, side: 'buy', leg: 'entry', quantity: part, price: dec(fillPrice), cumulative_qty: n ? quantity : part, slippage_r: dec(0.02 / distance, 3), ts_event: iso(when) });
        told.push(['ORDER', 'FillRecorded', `bought ${part} at ${fillPrice.toFixed(2)}, ${n ? quantity : part} of ${quantity}`, when]);
      });
      orders.push({ client_order_id: entryId.replace('-e1', '-s1'), venue_order_id: `v-${2000 + at}`, plan_id: id, symbol: c.symbol, leg: 'stop', side: 'sell', order_type: 'stop', quantity, filled_qty: state === 'closed' ? quantity : 0, limit_price: null, stop_price: dec(stop), avg_fill_price: state === 'closed' ? dec(stop - 0.01) : null, state: state === 'closed' ? 'filled' : 'working', attempt: 1, intended_at: iso(proposed + 41), updated_at: iso(proposed + 9_700 + at * 8_000) });
      if (state === 'open') positions.push({ symbol: c.symbol, plan_id: id, quantity, avg_entry_price: dec(fillPrice), last: dec(fillPrice + r * distance), unrealized_pnl: dec(r * distance * quantity, 2), r_multiple: dec(r), stop: dec(stop), covered: true, opened_at: iso(proposed + 9_200) });
      if (state === 'closed') told.push(['ORDER', 'FillRecorded', `sold ${quantity} at ${(stop - 0.01).toFixed(2)}, stop`, proposed + 150_000], ['ORDER', 'PlanClosed', 'stopped out, −1.04R', proposed + 150_020]);
    }
    story[id] = told.map(([stream, type, summary, when], n) => ({ at: iso(when), stream, seq: 100 + at * 20 + n, type, id: `${type}-${c.symbol}-${n}`, summary }));
  });

  const errors = [{ id: 'err-1', severity: 'warning', service: 'ingest-gateway', code: 'frame_malformed', message: 'A frame could not be read', detail: 'expected `,` at column 81', subject: null, at: iso(OPEN + 61_000), count: 3 }];
  const curve = Array.from({ length: 60 }, (_, at) => ({ at: iso(OPEN + at * 9_400), equity: dec(100_000 + Math.sin(at / 7) * 22 + at * 0.6, 2) }));
  const symbols = [...new Set(plans.map((p) => p.symbol))];
  const minutes = Object.fromEntries(symbols.map((s, at) => [s, bars(s, Number(plans[at].entry), draw)]));
  const news = symbols.flatMap((symbol, at) => [{ id: `news-${symbol}`, symbol, headline: `${symbol} raises its full-year outlook after a record quarter`, source: 'Newswire', url: null, published_at: iso(OPEN - (80 + at) * 60_000) }]);
  const account = { account: 'sim-account', equity: '100036.12', start_equity: '100000.00', cash: '61204.55', buying_power: '161204.55', day_pnl: '36.12', day_pnl_pct: '0.0361', day_r: '0.72', gross_exposure: '38795.45', daily_loss_limit: '2000.00', daily_stop_used_pct: '2.6', observed_at: iso(START - 1_000), curve };
  return { candidates, plans, decisions, orders, fills, positions, errors, news, account, minutes, story };
}

const SERVICES = ['ingest-gateway', 'gap-scanner', 'planner', 'risk-engine', 'executor', 'recorder', 'coordinator-api'];

export function makeStatus(made, now, market) {
  return {
    profile: 'dev', mode: 'SIM', version: '0.1.0', session_date: SESSION_DATE, clock: { market: iso(market), store: iso(now - 120), now: iso(now), phase: 'regular' }, trading_state: 'normal',
    verdict: `Trading. ${made.positions.length} open, 2 working. Nothing needs you.`, next_step: { name: 'entries end', at: iso(OPEN + 90 * 60_000) }, flat_by: iso(OPEN + 390 * 60_000),
    readiness: { ready: true, passed: 8, total: 8, checks: ['calendar', 'clock', 'broker', 'positions', 'reference', 'feed', 'disk', 'bus'].map((name) => ({ name, ok: true, detail: `${name} agreed at 09:20 ET` })) },
    bus: { url: 'nats://127.0.0.1:4222', connected: true }, vendors: { finnhub: 'http://127.0.0.1:7001/finnhub', yahoo: 'http://127.0.0.1:7001/yahoo', alphavantage: 'http://127.0.0.1:7001/alphavantage', alpaca: 'http://127.0.0.1:7001/alpaca', sim: 'http://127.0.0.1:7001/sim/v1' },
    alerts: {
      sending: true,
      targets: [
        { name: 'desk', kind: 'slack', state: 'delivered', detail: 'HTTP 200 OK', waiting: 0, delivered: 12, given_up: 0, last_at: iso(now - 90_000) },
        { name: 'phone', kind: 'telegram', state: 'given_up', detail: 'HTTP 403 Forbidden: bot was blocked by the user', waiting: 2, delivered: 3, given_up: 1, last_at: iso(now - 30_000) },
      ],
    },
    services: SERVICES.map((name) => ({ name, instance: `${name}-1`, version: '0.1.0', state: 'ready', detail: 'all dependencies answer', seen_at: iso(now - 400) })),
    banners: [
      { id: 'err-1', severity: 'warning', service: 'ingest-gateway', message: 'A frame could not be read.', detail: 'Ends 60 s after the last one.', since: iso(OPEN + 61_000), last: iso(OPEN + 90_000), count: 3 },
      { id: 'info-1', severity: 'info', service: 'risk-engine', message: 'One plan was denied: open plans 5 of 5.', detail: null, since: iso(OPEN + 301_000), last: iso(OPEN + 301_000), count: 1 },
    ],
    counts: { candidates: made.candidates.length, passed: made.candidates.filter((c) => c.passed).length, plans: made.plans.length, open_positions: made.positions.length, open_orders: 3, fills: made.fills.length },
  };
}
