// Serves the built page and a made session over the real REST and event-stream shapes, for the page's browser test.
// Run by hand: node tests/fixture-server.mjs [PORT]
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { analyticsOf, makeTrades, tradesOf } from './fixture-analytics.mjs';
import { dec, iso, makeSession, makeStatus, random, SESSION_DATE, START } from './fixture-data.mjs';

const DIST = new URL('../dist/', import.meta.url);
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
// As strict as the page can bear: nothing inline, nothing from elsewhere.
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'";
const KEPT_EVENTS = 1_000;

/** Starts on a free port unless told one; the returned object is the test's hand on the server. */
export async function start({ port = 0, tokens = null } = {}) {
  const made = { ...makeSession(), closedTrades: makeTrades() };
  const draw = random(11);
  const begun = Date.now();
  const streams = new Set();
  const log = [];
  const control = { echo: true, accept: true, marketMoves: true, resumedFrom: [], commands: [], held: null, fail: null, tokens };
  let commit = 0;
  let market = START;
  let status = makeStatus(made, begun, market);

  const send = (stream, event) => stream.write(`id: ${event.id}\nevent: ${event.name}\ndata: ${event.data}\n\n`);
  function publish(name, payload) {
    if (name !== 'heartbeat') commit += 1;
    const event = { id: commit, name, data: JSON.stringify(payload) };
    if (name !== 'heartbeat') log.push(event);
    if (log.length > KEPT_EVENTS) log.shift();
    for (const stream of streams) send(stream, event);
  }
  const publishStatus = (change) => publish('status', { items: [(status = { ...status, ...change })] });

  const beats = setInterval(() => {
    if (control.marketMoves) market += 1_000;
    status = { ...status, clock: { ...status.clock, market: iso(market), now: iso(Date.now()), store: iso(Date.now() - 120) } };
    publish('heartbeat', { now: iso(Date.now()), market: iso(market), store: iso(Date.now() - 120) });
  }, 1_000);
  const ticks = setInterval(() => {
    for (const position of made.positions) {
      const distance = Number(position.avg_entry_price) - Number(position.stop);
      const r = Number(position.r_multiple) + (draw() - 0.5) * 0.08;
      Object.assign(position, { r_multiple: dec(r), last: dec(Number(position.avg_entry_price) + r * distance), unrealized_pnl: dec(r * distance * position.quantity, 2) });
    }
    publish('positions', { items: made.positions });
    publish('candidates', { items: made.candidates.filter((c) => c.schedule === 'trade').slice(0, 20).map((c) => ({ ...c, last: dec(Number(c.last) * (1 + (draw() - 0.5) * 0.002)) })) });
  }, 250);

  const lists = ['candidates', 'plans', 'decisions', 'orders', 'fills', 'positions', 'errors', 'news', 'dead-letters', 'strategies'];
  made.strategies = [{
    name: 'orb_stocks_in_play', version: '0a1b2c3d4e5f', paused: false,
    activation: {
      id: 'act-2', name: 'orb_stocks_in_play', version: '0a1b2c3d4e5f', activated_at: iso(begun - 120_000),
      effective_from: iso(begun - 120_000), author: 'file', reason: 'the file was edited',
      file: 'config/strategy.yaml', previous: '9f8e7d6c5b4a',
      changes: [{ key: 'scan.gap_pct_min', before: '"4"', after: '"5"' }],
    },
    refused: 'config/strategy.yaml:31: `scan.rvol_min` is -1, must be 0 to 1000',
  }];
  made['dead-letters'] = [
    { id: '7', at: iso(begun - 90_000), reader: 'executor-risk', stream: 'RISK', seq: 41, subject: 'risk.v1.plan_approved.x', type: 'finagent.risk.v1.PlanApproved', event_id: 'x', delivered: 5, reason: 'handler failed 5 times: no answer' },
    { id: '9', at: iso(begun - 60_000), reader: 'planner-ops', stream: 'OPS', seq: 12, subject: 'ops.v1.error_raised.x', type: 'finagent.ops.v1.ErrorRaised', event_id: 'y', delivered: 1, reason: 'cannot be read' },
  ];
  made.shadow = {
    active: '0a1b2c3d4e5f', shadow: '5d4c3b2a1f0e', rounds: 4, agree: 3,
    differ: [{ round_id: `${SESSION_DATE}-trade-0935`, symbol: 'GME', field: 'signal', active: 'refused', shadow: 'passed', why: 'the suite: gap is 3.2, must be >= 4 (percent)' }],
  };
  function resource(path, query) {
    if (path === 'shadow/report') return made.shadow;
    if (path === 'status') return status;
    if (path === 'account') return made.account;
    if (path === 'analytics') return analyticsOf(made.closedTrades, query);
    const explained = /^plans\/([^/]+)\/explain$/.exec(path)?.[1];
    if (explained) {
      const plan = made.plans.find((p) => p.id === explained);
      const of = (rows) => rows.filter((r) => r.plan_id === explained);
      return plan && { plan, candidate: made.candidates.find((c) => c.signal_id === plan.signal_id && c.schedule === 'trade') ?? null, decision: of(made.decisions)[0] ?? null, orders: of(made.orders), fills: of(made.fills), events: made.story[explained] };
    }
    const symbol = /^bars\/([^/]+)$/.exec(path)?.[1];
    const closed = path === 'analytics/trades' ? tradesOf(made.closedTrades, query) : null;
    const rows = symbol ? (made.minutes[symbol] ?? []) : lists.includes(path) ? made[path] : closed;
    if (!rows) return null;
    // The made session is the only one.
    if (query.get('day') && query.get('day') !== SESSION_DATE) return { items: [], next: null };
    const wanted = path === 'news' && query.get('symbol') ? rows.filter((n) => n.symbol === query.get('symbol')) : rows;
    const from = Number(query.get('after') ?? 0);
    const to = from + Math.min(Number(query.get('limit') ?? 100), 200);
    return { items: wanted.slice(from, to), next: to < wanted.length ? String(to) : null };
  }

  function json(response, code, body, type = 'application/json') {
    response.writeHead(code, { 'content-type': type }).end(JSON.stringify(body));
  }
  const problem = (response, code, title, detail) => json(response, code, { type: 'about:blank', title, status: code, detail, request_id: 'req-7f3a' }, 'application/problem+json');

  async function command(request, response, path) {
    let text = '';
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text);
    control.commands.push({ path, body, key: request.headers['idempotency-key'] });
    if (!control.accept) {
      response.setHeader('www-authenticate', 'Bearer error="insufficient_scope"');
      return problem(response, 403, 'Forbidden', 'token `ann` has scope read, this needs operate');
    }
    await control.held;
    const strategy = /^strategies\/.+\/(pause|resume)$/.exec(path);
    if (strategy) {
      made.strategies = made.strategies.map((one) => ({ ...one, paused: strategy[1] === 'pause' }));
      return json(response, 202, { id: `audit-${control.commands.length}` });
    }
    const letter = /^dead-letters\/(\d+)\/(redrive|discard)$/.exec(path);
    if (letter) {
      made['dead-letters'] = made['dead-letters'].filter((one) => one.id !== letter[1]);
      return json(response, 202, { id: `audit-${control.commands.length}`, goes: letter[2] === 'redrive' ? 'now_to_reader' : 'away', reader: 'executor-risk' });
    }
    json(response, 202, { id: `audit-${control.commands.length}` });
    if (control.echo) setTimeout(() => publishStatus({ trading_state: path === 'flatten' ? 'flatten' : body.state }), 150);
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://fixture');
    const api = /^\/api\/v1\/(.+)$/.exec(url.pathname)?.[1];
    if (api && control.tokens !== null && !control.tokens.includes(request.headers.authorization?.replace('Bearer ', ''))) {
      problem(response, 401, 'Unauthorized', 'this needs a token');
    } else if (api === 'stream') {
      const after = request.headers['last-event-id'];
      if (after !== undefined) control.resumedFrom.push(after);
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(': open\n\n');
      for (const event of log) if (after !== undefined && event.id > Number(after)) send(response, event);
      streams.add(response);
      response.on('close', () => streams.delete(response));
    } else if (api?.startsWith('commands/')) {
      await command(request, response, api.slice('commands/'.length));
    } else if (api) {
      if (control.fail === api) return problem(response, 503, 'Store is locked', 'SQLITE_BUSY for 5 s');
      const body = resource(decodeURIComponent(api), url.searchParams);
      if (body) json(response, 200, body);
      else problem(response, 404, 'Not found', `nothing at ${url.pathname}`);
    } else {
      const path = url.pathname === '/' ? 'index.html' : url.pathname.slice(1);
      const content = await readFile(new URL(path, DIST)).catch(() => null);
      if (content) response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream', 'content-security-policy': CSP }).end(content);
      else response.writeHead(404).end();
    }
  });
  const listen = (at) => new Promise((resolve) => server.listen(at, '127.0.0.1', resolve));
  await listen(port);
  const bound = server.address().port;
  const drop = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return {
    url: `http://127.0.0.1:${bound}`, control, made, publish, publishStatus,
    /** The API dies: connections are cut and new ones refused. */
    die: drop,
    revive: () => listen(bound),
    stop: () => (clearInterval(beats), clearInterval(ticks), drop()),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log((await start({ port: Number(process.argv[2] ?? 0) })).url);
}
