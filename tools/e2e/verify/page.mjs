// node page.mjs SUITE SIM: holds the page at SUITE against SUITE's REST, while the simulator at SIM runs and while it stands.
// Screenshots go to target/verify/. CHROMIUM names the browser (default /usr/bin/chromium).
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../', import.meta.url);
const { chromium } = createRequire(new URL('services/dashboard/package.json', root))('playwright-core');
const shots = fileURLToPath(new URL('target/verify/', root));
const [suite, sim] = process.argv.slice(2);
const SIZES = { 1440: { viewport: { width: 1440, height: 900 } }, 390: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } };

const rest = async (path) => (await fetch(`${suite}/api/v1/${path}`)).json();
const items = async (path) => (await rest(`${path}?limit=1000`)).items;
const pause = (paused) =>
  fetch(`${sim}/clock`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ paused }) });
const say = (what) => console.log(`ok   ${what}`);

/** Repeats `attempt` until it does not throw, for at most `ms`. */
async function soon(attempt, ms = 10_000) {
  for (const until = Date.now() + ms; ; await new Promise((done) => setTimeout(done, 200))) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > until) throw error;
    }
  }
}

const panel = (page, title) => page.getByRole('region', { name: title, exact: true });

/** The rows of a panel's table, each cell under its column's name. */
async function rows(page, title) {
  const more = panel(page, title).getByRole('button', { name: /^Show all/ });
  if (await more.count()) await more.click();
  return panel(page, title).locator('table').first().evaluate((table) => {
    const names = [...table.querySelectorAll('thead button')].map((button) => button.firstChild.textContent.trim());
    return [...table.querySelectorAll('tbody tr')].map((row) =>
      Object.fromEntries([...row.children].map((cell, at) => [names[at], cell.textContent.trim()])),
    );
  });
}

/** A shown number against REST's: the dash stands for null only, and rounding is all that may differ. */
function same(shown, value, places, what) {
  if (value === null) return assert.equal(shown, '–', what);
  const number = Number(shown.replace(/[▲▼R$,+ ]/g, '').replace('−', '-'));
  assert.ok(Math.abs(number - Number(value)) <= 0.5 / 10 ** places + 1e-9, `${what}: the page shows ${shown}, REST has ${value}`);
}

/** Rows by symbol against REST's; `columns` maps a column to [field, decimal places]. */
function sameBySymbol(shown, expected, columns, what) {
  assert.deepEqual(shown.map((row) => row.Sym).sort(), expected.map((row) => row.symbol).sort(), `symbols of ${what}`);
  for (const row of shown) {
    const wanted = expected.find((other) => other.symbol === row.Sym);
    for (const [column, [field, places]] of Object.entries(columns)) same(row[column], wanted[field], places, `${what} ${row.Sym} ${column}`);
  }
}

async function moves(page) {
  const read = async () => ({
    clock: await page.locator('header time b').textContent(),
    money: await panel(page, 'P&L').locator('.figures').innerText(),
    market: (await rest('status')).clock.market,
  });
  const before = await read();
  await soon(async () => {
    const now = await read();
    for (const name of Object.keys(before)) assert.notEqual(now[name], before[name], `${name} stands at ${before[name]}`);
  });
  say('clock and P&L move within 10 s');
}

async function scan(page) {
  const all = await items('candidates');
  const last = all.reduce((a, b) => (a.evaluated_at >= b.evaluated_at ? a : b)).round_id;
  const round = all.filter((row) => row.round_id === last);
  const shown = await rows(page, 'Scan');
  sameBySymbol(shown, round, { Gap: ['gap_pct', 1], RVOL: ['rvol', 2], Last: ['last', 2], ATR: ['atr_14', 2], Score: ['score', 2], Rank: ['rank', 0] }, 'scan');
  const passed = round.filter((row) => row.passed);
  const marked = shown.filter((row) => row['Why not'].startsWith('passed')).map((row) => row.Sym);
  assert.deepEqual(marked.sort(), passed.map((row) => row.symbol).sort());
  assert.match(await panel(page, 'Scan').innerText(), new RegExp(`${passed.length} of ${round.length} candidates passed`));
  return `${shown.length} candidates, ${passed.length} passed`;
}

async function plans(page) {
  const [shown, expected] = [await rows(page, 'Plans'), await items('plans')];
  sameBySymbol(shown, expected, { Qty: ['quantity', 0], Entry: ['entry', 2], Stop: ['stop', 2], Dist: ['stop_distance', 4], R: ['r_multiple', 2] }, 'plans');
  for (const plan of expected) assert.equal(shown.find((row) => row.Sym === plan.symbol).State, plan.state, plan.symbol);
  return `${shown.length} plans`;
}

async function positions(page) {
  const expected = await items('positions');
  const shown = expected.length ? await rows(page, 'Positions') : [];
  sameBySymbol(shown, expected, { Qty: ['quantity', 0], Avg: ['avg_entry_price', 2], Last: ['last', 2], 'P&L': ['unrealized_pnl', 2], Stop: ['stop', 2] }, 'positions');
  return `${shown.length} positions`;
}

async function ordersAndFills(page) {
  const whole = (number) => number.toLocaleString('en-US');
  const cents = (price) => Number(price).toFixed(2);
  const orders = (await items('orders')).map((o) => [o.symbol, o.leg, o.side, `${whole(o.filled_qty)} of ${whole(o.quantity)}`, o.state.replaceAll('_', ' ')].join());
  const shownOrders = (await rows(page, 'Orders')).map((r) => [r.Sym, r.Leg, r.Side, r.Filled, r.State].join());
  assert.deepEqual(shownOrders.sort(), orders.sort());
  const fills = (await items('fills')).map((f) => [f.symbol, f.leg, f.side, whole(f.quantity), cents(f.price), whole(f.cumulative_qty)].join());
  const shownFills = (await rows(page, 'Fills')).map((r) => [r.Sym, r.Leg, r.Side, r.Qty, r.Price.replaceAll(',', ''), r['So far']].join());
  assert.deepEqual(shownFills.sort(), fills.sort());
  return `${orders.length} orders, ${fills.length} fills`;
}

async function money(page) {
  const account = await rest('account');
  const shown = await panel(page, 'P&L').locator('dl').evaluate((list) =>
    Object.fromEntries([...list.children].map((pair) => [pair.firstChild.textContent, pair.lastChild.textContent])));
  for (const [name, field] of Object.entries({ Equity: 'equity', Gross: 'gross_exposure', Cash: 'cash', 'Buying power': 'buying_power' }))
    same(shown[name], account[field], 2, name);
  same(await panel(page, 'P&L').locator('.main').nth(1).textContent(), account.day_pnl, 2, 'day P&L');
  return 'account';
}

/** Chart and system page: what they show is there at all, and as much of it as REST has. */
async function otherPages(page, size) {
  const { symbol } = (await items('fills'))[0];
  await page.goto(`${suite}/#/symbol/${symbol}`);
  await page.locator('canvas').first().waitFor();
  const bars = await items(`bars/${symbol}`);
  const label = await page.locator('.chart').getAttribute('aria-label');
  assert.match(label, new RegExp(`\\b${bars.length} minutes`), `REST has ${bars.length} bars of ${symbol}`);
  assert.ok(bars.length > 0, `no bars of ${symbol}`);
  await page.waitForTimeout(500);
  await page.screenshot({ path: `${shots}symbol-${size}.png` });
  await page.goto(`${suite}/#/system`);
  const services = (await rest('status')).services.map((service) => service.name).sort();
  await soon(async () => assert.deepEqual((await rows(page, 'Services')).map((row) => Object.values(row)[0]).sort(), services));
  await page.screenshot({ path: `${shots}system-${size}.png` });
  say(`${size} px: ${bars.length} minutes of ${symbol} in the chart, ${services.length} services`);
}

async function check(browser, size) {
  const context = await browser.newContext({ ...SIZES[size], colorScheme: 'dark', timezoneId: 'Europe/Berlin' });
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('request', (request) => request.url().startsWith(`${suite}/`) || faults.push(`left the host: ${request.url()}`));
  await page.goto(`${suite}/`);
  await panel(page, 'Fills').getByRole('row').nth(1).waitFor();
  await moves(page);
  await page.screenshot({ path: `${shots}now-${size}.png`, fullPage: true });
  await pause(true);
  const compared = [];
  for (const part of [scan, plans, positions, ordersAndFills, money]) compared.push(await soon(() => part(page)));
  say(`${size} px: page and REST agree on ${compared.join(', ')}`);
  await page.mouse.move(0, 0);
  await otherPages(page, size);
  await pause(false);
  await context.close();
  assert.deepEqual(faults, []);
  say(`${size} px: no error in the console, no request to another host`);
}

mkdirSync(shots, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  for (const size of Object.keys(SIZES)) await check(browser, size);
} finally {
  await browser.close();
}
