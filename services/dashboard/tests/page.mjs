// Opens the built page in a real browser against the fixture server and holds it to what a trader relies on.
// Screenshots go to target/dashboard/. CHROMIUM names the browser (default /usr/bin/chromium).
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { start } from './fixture-server.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SHOTS = fileURLToPath(new URL('../../../target/dashboard/', import.meta.url));
mkdirSync(SHOTS, { recursive: true });

const DESKTOP = { viewport: { width: 1440, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });

/** A page on its own fixture server; fails on any page error, and on any request that leaves the server. */
async function open(options, path = '', settings = {}) {
  const server = await start(settings);
  const context = await browser.newContext({ timezoneId: 'Europe/Berlin', colorScheme: 'dark', bypassCSP: false, ...options });
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && !/ERR_|503|403|401/.test(message.text()) && faults.push(message.text()));
  page.on('request', (request) => request.url().startsWith(server.url) || faults.push(`left the host: ${request.url()}`));
  await page.goto(server.url + '/' + path);
  const close = async () => {
    await context.close();
    await server.stop();
    assert.deepEqual(faults, []);
  };
  return { page, server, close };
}

async function axe(page, name) {
  // Evaluated through the debugger, so that the page's own content policy stays in force.
  await page.evaluate(AXE);
  // A colour on its way is no finding.
  await page.evaluate(() => Promise.allSettled(document.getAnimations().map((animation) => animation.finished)));
  const found = await page.evaluate(() => globalThis.axe.run(document));
  const grave = found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
  const told = grave.map((v) => `${name}: ${v.id} ${v.nodes.slice(0, 4).map((n) => `${n.target} ${n.failureSummary}`).join(' | ')}`);
  assert.deepEqual(told, []);
}

const panel = (page, title) => page.getByRole('region', { name: title, exact: true });
const ready = (page) => panel(page, 'Positions').getByRole('row').nth(2).waitFor();

const checks = {
  async 'first numbers come within a second and then move'() {
    const { page, close } = await open(DESKTOP);
    await ready(page);
    const took = await page.evaluate(() => performance.now());
    assert.ok(took < 1_500, `first numbers after ${took} ms`);
    const pnl = panel(page, 'Positions').locator('tbody tr').first().locator('td').nth(4);
    const before = await pnl.textContent();
    const moved = async () => (await pnl.textContent()) !== before;
    for (let tries = 0; tries < 30 && !(await moved()); tries += 1) await page.waitForTimeout(100);
    assert.ok(await moved(), `P&L stood at ${before} for 3 s`);
    await close();
  },

  async 'every page looks right and axe finds nothing grave, both themes, desktop and phone'() {
    for (const [size, options] of [['1440', DESKTOP], ['390', PHONE]]) {
      for (const colorScheme of ['dark', 'light']) {
        const { page, server, close } = await open({ ...options, colorScheme });
        await ready(page);
        const plan = encodeURIComponent(server.made.plans[0].id);
        for (const [name, hash] of [['now', 'now'], ['why', 'now'], ['plans', `plans/${plan}`], ['symbol', `symbol/${server.made.plans[0].symbol}`], ['analytics', 'analytics'], ['system', 'system']]) {
          await page.goto(`${server.url}/#/${hash}`);
          if (name === 'why') await panel(page, 'Scan').locator('tbody [data-row]').nth(3).click();
          if (name === 'symbol') await page.locator('canvas').first().waitFor();
          if (name === 'plans') await panel(page, 'Size').waitFor();
          if (name === 'analytics') await panel(page, 'Equity and drawdown').locator('svg').first().waitFor();
          await page.mouse.move(0, 0);
          await page.waitForTimeout(400);
          await page.screenshot({ path: `${SHOTS}${name}-${size}-${colorScheme}.png`, fullPage: size === '1440' && name === 'now' });
          const wide = await page.evaluate(() => [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5 && !e.closest('.hidden-text')).map((e) => `${e.tagName}.${e.className} ${e.textContent?.slice(0, 30)}`));
          assert.deepEqual(wide.slice(0, 3), [], `${name} at ${size} is too wide`);
          await axe(page, `${name} ${size} ${colorScheme}`);
        }
        await close();
      }
    }
  },

  async 'a refused row shows value and threshold, and opens every criterion'() {
    const { page, close } = await open(DESKTOP);
    await ready(page);
    const scan = panel(page, 'Scan');
    await page.keyboard.press('/');
    await page.keyboard.type('gap ');
    await page.keyboard.press('Escape');
    const row = scan.locator('tbody tr').first();
    assert.match(await row.innerText(), /gap −?[\d.]+% < 4\.00%/);
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    const why = page.locator('[data-why]');
    await why.waitFor();
    assert.match(await why.innerText(), /decided/i);
    assert.equal(await why.getByRole('row', { name: /✓ pass|✕ fail|○ not evaluated/ }).count(), 11);
    await close();
  },

  async 'a double click sends one command, which is followed until it is in force'() {
    const { page, server, close } = await open(DESKTOP);
    await ready(page);
    await page.getByRole('button', { name: 'Flatten' }).click();
    const dialog = page.getByRole('dialog');
    assert.match(await dialog.innerText(), /2 positions, \$[\d,]+: sold now/);
    const go = dialog.getByRole('button', { name: 'Flatten everything' });
    assert.ok(await go.isDisabled(), 'no reason given, nothing typed');
    await dialog.getByLabel('Reason').selectOption('Test of the controls');
    await dialog.getByLabel(/Type flatten/).fill('flatten');
    await axe(page, 'dialog');
    await page.screenshot({ path: `${SHOTS}dialog-1440-dark.png` });
    await go.dblclick();
    await dialog.locator('[data-phase="in force"]').waitFor();
    assert.equal(server.control.commands.length, 1);
    assert.deepEqual(server.control.commands[0].body, { reason: 'Test of the controls' });
    assert.match(server.control.commands[0].key, /^[0-9a-f]{32}$/);
    await dialog.getByRole('button', { name: 'Close' }).click();
    assert.ok(await page.getByRole('button', { name: 'Flatten' }).isDisabled());
    await page.getByRole('button', { name: 'Resume…' }).waitFor();
    await close();
  },

  async 'without an echo the command is NOT CONFIRMED, and the state stays what it was'() {
    const { page, server, close } = await open(DESKTOP);
    await ready(page);
    server.control.echo = false;
    await page.getByRole('button', { name: 'Stop entries' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').selectOption({ index: 1 });
    await dialog.getByRole('button', { name: 'Stop entries' }).click();
    await dialog.locator('[data-phase="acknowledged"]').waitFor();
    assert.equal(await dialog.getByText('NOT CONFIRMED').count(), 0);
    await dialog.getByText('NOT CONFIRMED').waitFor({ timeout: 3_000 });
    assert.match(await dialog.innerText(), /curl -sS -X POST .*"state":"no_entry"/);
    await page.screenshot({ path: `${SHOTS}not-confirmed-1440-dark.png` });
    await axe(page, 'not confirmed');
    await dialog.getByRole('button', { name: 'Close' }).click();
    assert.match(await page.locator('.state').innerText(), /normal/i);
    await page.getByText('no entry: NOT CONFIRMED').waitFor();
    server.publishStatus({ trading_state: 'no_entry' });
    await page.getByText('no entry: in force').waitFor();
    await close();
  },

  async 'a refusal is shown as one, and asks for a token that opens more'() {
    const { page, server, close } = await open(DESKTOP, '', { tokens: ['fin_read', 'fin_operate'] });
    const enter = async (title, token) => {
      const wanted = page.getByRole('dialog', { name: title, exact: true });
      await wanted.getByLabel('Token').fill(token);
      await wanted.getByRole('button', { name: 'Use it' }).click();
      await wanted.waitFor({ state: 'detached' });
    };
    await enter('A token is needed', 'fin_read');
    await ready(page);
    server.control.accept = false;
    await page.keyboard.press('Shift+F');
    const dialog = page.getByRole('dialog', { name: /Flatten everything/ });
    await dialog.getByLabel('Reason').selectOption({ index: 1 });
    await dialog.getByLabel(/Type flatten/).fill('flatten');
    await dialog.getByRole('button', { name: 'Flatten everything' }).click();
    await page.getByText('The one in use does not open this').waitFor();
    await axe(page, 'another token');
    await page.screenshot({ path: `${SHOTS}another-token-1440-dark.png` });
    await enter('Another token is needed', 'fin_operate');
    await dialog.getByText('this needs operate').waitFor();
    await close();
  },

  async 'a dead API is stale within 3 s, keeps its values, and comes back alone'() {
    const { page, server, close } = await open(DESKTOP);
    await ready(page);
    await server.die();
    await page.getByText('The API is silent').waitFor({ timeout: 4_500 });
    assert.equal(await panel(page, 'Positions').locator('tbody tr').count(), 2);
    await panel(page, 'Positions').getByText('stale').waitFor();
    await page.screenshot({ path: `${SHOTS}stale-1440-dark.png` });
    await axe(page, 'stale');
    const error = { id: 'err-2', severity: 'critical', service: 'recorder', code: 'disk', message: 'Raised while the page was away', detail: null, subject: null, at: iso(), count: 1 };
    server.made.errors.push(error);
    server.publish('errors', { items: [error] });
    await server.revive();
    await page.getByText('Raised while the page was away').first().waitFor({ timeout: 8_000 });
    assert.equal(await page.getByText('The API is silent').count(), 0);
    assert.equal(await panel(page, 'Positions').getByText('stale').count(), 0);
    assert.ok(server.control.resumedFrom.length >= 1 && Number(server.control.resumedFrom[0]) > 0, 'resumed by id');
    await close();
  },

  async 'a market that stands still ages alone'() {
    const { page, server, close } = await open(DESKTOP);
    await ready(page);
    server.control.marketMoves = false;
    await page.locator('[data-age=market].warning').waitFor({ timeout: 6_000 });
    assert.equal(await page.locator('[data-age=page].warning, [data-age=store].warning').count(), 0);
    await close();
  },

  async 'an error never reads as empty, and an uncovered share is critical'() {
    const { page, server, close } = await open(DESKTOP);
    await ready(page);
    server.control.fail = 'orders';
    await page.reload();
    const orders = panel(page, 'Orders');
    await orders.getByText('Store is locked').waitFor();
    assert.match(await orders.innerText(), /request req-7f3a/);
    assert.doesNotMatch(await orders.innerText(), /No order yet/);
    server.control.fail = null;
    await orders.getByRole('button', { name: 'Retry' }).click();
    await orders.locator('tbody tr').first().waitFor();
    server.made.positions[0].covered = false;
    await panel(page, 'Positions').getByRole('alert').waitFor();
    await close();
  },

  async 'a suite that wants a token asks for it once and then works'() {
    const { page, server, close } = await open(DESKTOP, '', { tokens: ['fin_right'] });
    const dialog = page.getByRole('dialog', { name: 'A token is needed' });
    await dialog.getByLabel('Token').fill('fin_wrong');
    await dialog.getByRole('button', { name: 'Use it' }).click();
    await dialog.getByText('unknown or was revoked').waitFor();
    await axe(page, 'token');
    await dialog.getByLabel('Token').fill('fin_right');
    await dialog.getByRole('button', { name: 'Use it' }).click();
    await ready(page);
    await page.reload();
    await ready(page);
    assert.equal(await dialog.count(), 0, 'kept for this tab');
    assert.equal(server.control.commands.length, 0);
    await close();
  },

  async 'a dead letter is sent again with a reason'() {
    const { page, server, close } = await open(DESKTOP, '#/system');
    const letters = panel(page, 'Dead letters');
    await letters.getByText('no answer').waitFor();
    await axe(page, 'dead letters');
    await letters.getByRole('button', { name: 'Redrive dead letter 7' }).click();
    const send = letters.getByRole('button', { name: 'Redrive', exact: true });
    assert.ok(await send.isDisabled(), 'not without a reason');
    await letters.getByLabel('Why redrive').fill('the broker is back');
    await send.click();
    await letters.getByText('Dead letter 7 goes to its reader again').waitFor();
    assert.deepEqual(server.control.commands.map((c) => [c.path, c.body.reason]), [['dead-letters/7/redrive', 'the broker is back']]);
    await close();
  },

  async 'an answer about one row leaves the question about another open'() {
    const { page, server, close } = await open(DESKTOP, '#/system');
    const letters = panel(page, 'Dead letters');
    let answer;
    server.control.held = new Promise((resolve) => (answer = resolve));
    await letters.getByRole('button', { name: 'Redrive dead letter 7' }).click();
    await letters.getByLabel('Why redrive').fill('the broker is back');
    await letters.getByRole('button', { name: 'Redrive', exact: true }).click();
    await letters.getByRole('button', { name: 'Discard dead letter 9' }).click();
    assert.equal(await letters.getByLabel('Why discard').inputValue(), '', 'a reason belongs to one question');
    await letters.getByLabel('Why discard').fill('too old');
    answer();
    await letters.getByText('Dead letter 7 goes to its reader again').waitFor();
    await letters.getByRole('button', { name: 'Discard', exact: true }).click();
    await letters.getByText('Dead letter 9 is gone').waitFor();
    assert.deepEqual(server.control.commands.map((c) => [c.path, c.body.reason]), [['dead-letters/7/redrive', 'the broker is back'], ['dead-letters/9/discard', 'too old']]);
    await close();
  },

  async 'a strategy is paused with a reason and said to be'() {
    const { page, server, close } = await open(DESKTOP, '#/system');
    const strategy = panel(page, 'Strategy');
    await strategy.getByText('config/strategy.yaml: the file was edited').waitFor();
    await strategy.getByText('1 change since').click();
    await strategy.getByRole('rowheader', { name: 'scan.gap_pct_min' }).waitFor();
    await strategy.getByText('config/strategy.yaml:31: `scan.rvol_min` is -1').waitFor();
    await strategy.getByRole('button', { name: 'Pause…' }).click();
    await strategy.getByLabel('Why pause').fill('earnings week');
    await strategy.getByRole('button', { name: 'Pause', exact: true }).click();
    await strategy.getByText('paused: no new plan').waitFor();
    assert.deepEqual(server.control.commands[0].body, { reason: 'earnings week' });
    await close();
  },

  async 'a strategy on trial is held against the one in force, and what differs says why'() {
    const { page, server, close } = await open(DESKTOP, '#/system');
    const trial = panel(page, 'On trial');
    await trial.getByText('3 of 4 rounds agree').waitFor();
    await trial.getByText('What differs: 1').click();
    await trial.getByText('the suite: gap is 3.2, must be >= 4 (percent)').waitFor();
    await axe(page, 'on trial');
    server.made.shadow = { active: null, shadow: null, rounds: 0, agree: 0, differ: [] };
    await trial.getByText('No strategy is on trial').waitFor();
    await close();
  },

  async 'analytics: numbers of the trades, by kind and filtered, and one session by a link'() {
    const { page, server, close } = await open(DESKTOP);
    await ready(page);
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    const trades = panel(page, 'Closed trades');
    await trades.locator('tbody tr').first().waitFor();
    const made = server.made.closedTrades;
    const cents = made.reduce((total, t) => total + Math.round(Number(t.pnl) * 100), 0);
    const shown = `${cents < 0 ? '−' : '+'}$${(Math.abs(cents) / 100).toLocaleString('en-US', { minimumFractionDigits: 2 })}`;
    assert.ok((await panel(page, 'Results').innerText()).includes(shown), `${shown} of ${made.length} trades`);
    assert.match(await panel(page, 'Results').innerText(), /2 open trades are not counted/);
    await panel(page, 'By kind').getByRole('button', { name: 'Hour of entry' }).click();
    await panel(page, 'By kind').getByRole('row', { name: /09:00 ET/ }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('body').click({ position: { x: 1, y: 1 } });
    await page.keyboard.press('/');
    await page.keyboard.type('lost nvtx');
    const lost = made.filter((t) => t.symbol === 'NVTX' && Number(t.pnl) < 0).length;
    await trades.getByText(`${lost} of ${made.length}`).waitFor();
    const day = made[0].session_date;
    await panel(page, 'Sessions').getByRole('link', { name: day }).click();
    await page.waitForFunction((hash) => location.hash === hash, `#/analytics/${day}/${day}`);
    await panel(page, 'Results').getByText(`${made.filter((t) => t.session_date === day).length} closed trade`).waitFor();
    await panel(page, 'Equity and drawdown').getByText('minute by minute').waitFor();
    await page.reload();
    await panel(page, 'Results').getByText(`${day} to ${day}`).waitFor();
    await close();
  },

  async 'analytics: an error never reads as empty, a day without trades names what comes next'() {
    const { page, server, close } = await open(PHONE, '#/analytics');
    await panel(page, 'Results').locator('dd').first().waitFor();
    await page.getByLabel('Strategy').selectOption('premarket_break');
    const some = server.made.closedTrades.filter((t) => t.strategy === 'premarket_break').length;
    await panel(page, 'Results').getByText(`${some} closed trades`).waitFor();
    await page.goto(`${server.url}/#/analytics/2020-01-02/2020-01-02`);
    await panel(page, 'Closed trades').getByText('they count once their last share is sold').waitFor();
    await axe(page, 'analytics of nothing');
    server.control.fail = 'analytics';
    await page.goto(`${server.url}/#/analytics/2020-01-03/2020-01-03`);
    await panel(page, 'Results').getByText('Store is locked').waitFor();
    assert.doesNotMatch(await page.locator('main').innerText(), /No trade closed/);
    server.control.fail = null;
    await panel(page, 'Results').getByRole('button', { name: 'Retry' }).click();
    await panel(page, 'Results').getByText('Nothing was recorded').waitFor();
    await close();
  },

  async 'a past day is read as the live one, and nothing can be commanded from it'() {
    const { page, server, close } = await open(DESKTOP, '?day=2026-11-24#/now');
    await ready(page);
    await page.getByText('as it was recorded: read-only').waitFor();
    assert.equal(await page.getByRole('button', { name: /Flatten|Halt|Stop entries/ }).count(), 0);
    const pnl = panel(page, 'Positions').locator('tbody tr').first();
    const before = await pnl.innerText();
    await page.waitForTimeout(1_500);
    assert.equal(await pnl.innerText(), before, 'what happens now is not shown');
    await page.keyboard.press('Shift+F');
    assert.equal(await page.getByRole('dialog').count(), 0);
    await axe(page, 'past day');
    await page.getByRole('link', { name: 'what it came to' }).click();
    const openDay = panel(page, 'Results').getByRole('link', { name: 'Open this day' });
    await panel(page, 'Results').getByText('2026-11-24').first().waitFor();
    assert.equal(await openDay.count(), 0, 'a day that runs is not opened as a past one');
    await page.goto(`${server.url}/#/analytics/2026-11-20/2026-11-20`);
    await openDay.click();
    await page.waitForURL(/day=2026-11-20/);
    await page.goto(`${server.url}/?day=2026-11-20#/system`);
    await panel(page, 'Dead letters').getByRole('button', { name: 'Redrive dead letter 7' }).click();
    await panel(page, 'Dead letters').getByLabel('Why redrive').fill('the broker is back');
    await panel(page, 'Dead letters').getByRole('button', { name: 'Redrive', exact: true }).click();
    await panel(page, 'Dead letters').getByText('this page shows 2026-11-20').waitFor();
    assert.equal(server.control.commands.length, 0);
    await close();
  },

  async 'rows hold still under the pointer'() {
    const { page, server, close } = await open(DESKTOP);
    await ready(page);
    const positions = panel(page, 'Positions');
    const first = async () => (await positions.locator('tbody tr').first().innerText()).split(/\s/)[0];
    const before = await first();
    await positions.locator('tbody tr').first().hover();
    const worst = server.made.positions.find((p) => p.symbol !== before);
    worst.r_multiple = '-7.0000';
    await page.waitForTimeout(2_500);
    assert.equal(await first(), before);
    await page.mouse.move(0, 0);
    await page.waitForTimeout(1_600);
    assert.equal(await first(), worst.symbol);
    await close();
  },
};

const iso = () => new Date().toISOString();
const wanted = process.argv[2] ?? '';
let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  if (!name.includes(wanted)) continue;
  const begun = Date.now();
  try {
    await check();
    console.log(`ok    ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n${error.stack ?? error}`);
  }
}
await browser.close();
process.exit(failed === 0 ? 0 : 1);
