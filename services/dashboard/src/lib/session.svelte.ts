import { access } from './access.svelte';
import * as api from './api';
import type { Account, Bar, Candidate, Decision, Fault, Fill, Headline, Heartbeat, Order, Plan, Position, Status } from './api';
import { pastDay } from './day';
import { LiveStream, type ServerEvent } from './live';
import { FrameBatch, KeyedRows } from './store';
import { instant, sessionOpenMs } from './time';

/** Silence after which shown values count as stale, in milliseconds. */
export const STALE_AFTER_MS = 3_000;

/** From 09:30 to 16:00. */
const REGULAR_MS = 390 * 60_000;

/** What a panel can say about its values. */
export type PanelState = 'loading' | 'empty' | 'stale' | 'error' | 'live';

/** A list kept up to date: rows for the page, the last good ones while a fetch fails. */
export class LiveTable<Row> {
  rows = $state.raw<readonly Row[]>([]);
  loaded = $state(false);
  error = $state.raw<api.ApiError | null>(null);
  readonly path: string;
  /** What every fetch asks besides. */
  readonly query: Record<string, string> = {};
  readonly #keyed: KeyedRows<Row>;
  readonly #batch: FrameBatch;
  #fetches = 0;

  constructor(path: string, key: (row: Row) => string, gone?: (row: Row) => boolean) {
    this.path = path;
    this.#keyed = new KeyedRows(key, gone);
    this.#batch = new FrameBatch(() => (this.rows = this.#keyed.values()));
  }

  upsert(rows: readonly Row[]): void {
    this.#keyed.upsert(rows);
    this.#batch.request();
  }

  /** Fetches the whole list; of two overlapping fetches the later one counts. */
  async refetch(query: Record<string, string> = {}): Promise<void> {
    const mine = ++this.#fetches;
    this.#keyed.beginSnapshot();
    try {
      const rows = await api.list<Row>(this.path, { ...this.query, ...query });
      if (mine !== this.#fetches) return;
      this.#keyed.applySnapshot(rows);
      this.rows = this.#keyed.values();
      this.loaded = true;
      this.error = null;
    } catch (cause) {
      if (mine === this.#fetches) this.error = asApiError(cause);
    }
  }

  clear(): void {
    this.#fetches += 1;
    this.#keyed.clear();
    this.rows = [];
    this.loaded = false;
  }
}

function asApiError(cause: unknown): api.ApiError {
  return cause instanceof api.ApiError ? cause : new api.ApiError('Unreadable answer', 0, String(cause), null);
}

/** Everything the page knows of the running session. */
class Session {
  status = $state.raw<Status | null>(null);
  account = $state.raw<Account | null>(null);
  accountError = $state.raw<api.ApiError | null>(null);
  statusError = $state.raw<api.ApiError | null>(null);
  heartbeat = $state.raw<Heartbeat | null>(null);
  /** Why the live stream is down; null while it is up. */
  lost = $state<string | null>('connecting');
  /** Ticks four times a second; every age on the page is measured against it. */
  nowMs = $state(performance.now());
  /** When the API was last heard, on the clock of `nowMs`. */
  heardAtMs = $state<number | null>(null);
  /** When the market's watermark last moved, on the clock of `nowMs`. */
  marketMovedAtMs = $state<number | null>(null);
  /** Seconds of `nowMs`: what needs no finer clock than that. */
  readonly second = $derived(Math.floor(this.nowMs / 1000));

  readonly candidates = new LiveTable<Candidate>('candidates', (r) => r.id);
  readonly plans = new LiveTable<Plan>('plans', (r) => r.id);
  readonly decisions = new LiveTable<Decision>('decisions', (r) => r.id);
  readonly orders = new LiveTable<Order>('orders', (r) => r.client_order_id);
  readonly fills = new LiveTable<Fill>('fills', (r) => r.id);
  readonly positions = new LiveTable<Position>('positions', (r) => r.plan_id ?? r.symbol, (r) => r.quantity === 0);
  readonly errors = new LiveTable<Fault>('errors', (r) => r.id);
  readonly news = new LiveTable<Headline>('news', (r) => r.id);

  readonly #tables: Record<string, LiveTable<never>> = Object.fromEntries(
    [this.candidates, this.plans, this.decisions, this.orders, this.fills, this.positions, this.errors, this.news].map(
      (table) => [table.path, table as unknown as LiveTable<never>],
    ),
  );
  constructor() {
    // Errors and news of all sessions come without a day.
    if (pastDay) for (const table of Object.values(this.#tables)) table.query['day'] = pastDay;
  }

  readonly #barListeners = new Set<(symbol: string, bars: Bar[]) => void>();
  #statusFetchedAtMs = 0;

  /** Age of the last sign of life from the API. */
  readonly pageAgeMs = $derived(this.heardAtMs === null ? null : this.nowMs - this.heardAtMs);
  readonly stale = $derived(this.pageAgeMs === null ? this.statusError !== null : this.pageAgeMs > STALE_AFTER_MS);
  /** Age of the store's last commit. */
  readonly storeAgeMs = $derived(this.#lag(this.heartbeat?.store));
  /** Age of the market's watermark: by its own clock, or in a simulation since it last moved. */
  readonly marketAgeMs = $derived.by(() => {
    if (!this.heartbeat?.market) return null;
    if (this.status?.mode !== 'SIM') return this.#lag(this.heartbeat.market);
    return this.marketMovedAtMs === null ? null : this.nowMs - this.marketMovedAtMs;
  });
  /** The market's time, in milliseconds since the epoch: the watermark in a simulation, else the API's clock; of a past
   *  session its regular end. */
  readonly marketNowMs = $derived.by(() => {
    if (pastDay) return sessionOpenMs(Date.parse(`${pastDay}T17:00:00Z`)) + REGULAR_MS;
    const market = instant(this.heartbeat?.market ?? this.status?.clock.market);
    if (this.status?.mode === 'SIM') return market;
    return this.apiNowMs ?? market;
  });
  /** What a wall clock beside the API shows: what errors and banners are dated by. */
  readonly apiNowMs = $derived.by(() => {
    const now = instant(this.heartbeat?.now ?? this.status?.clock.now);
    return now === null ? null : now + (this.pageAgeMs ?? 0);
  });
  /** How far this machine's clock is ahead of the API's, in milliseconds. */
  readonly skewMs = $derived.by(() => {
    const now = instant(this.heartbeat?.now);
    if (now === null || this.heardAtMs === null) return 0;
    return Date.now() - (performance.now() - this.heardAtMs) - now;
  });

  #lag(at: string | null | undefined): number | null {
    const now = instant(this.heartbeat?.now);
    const then = instant(at);
    return now === null || then === null ? null : Math.max(0, now - then) + (this.pageAgeMs ?? 0);
  }

  /** The state of a panel that shows `table`. */
  panelState(table: { loaded: boolean; error: api.ApiError | null; rows: readonly unknown[] }): PanelState {
    if (table.error) return 'error';
    if (!table.loaded) return 'loading';
    if (this.stale) return 'stale';
    return table.rows.length === 0 ? 'empty' : 'live';
  }

  /** Opens the stream and keeps it; returns what ends it. */
  start(): () => void {
    const stream = new LiveStream({
      url: '/api/v1/stream',
      identity: () => access.headers(),
      handlers: {
        opened: () => {
          this.lost = null;
          this.refetchAll();
        },
        event: (event) => this.#take(event),
        lost: (reason) => {
          this.lost = reason;
          if (this.heardAtMs === null) this.refetchAll();
          // A token that was revoked: the answer opens the dialog for another.
          else if (reason === 'HTTP 401') void this.refetchStatus();
        },
      },
    });
    const clock = setInterval(() => (this.nowMs = performance.now()), 250);
    void stream.run();
    return () => {
      clearInterval(clock);
      stream.stop();
    };
  }

  /** Calls `listener` with every bar that comes live; returns what ends it. */
  onBars(listener: (symbol: string, bars: Bar[]) => void): () => void {
    this.#barListeners.add(listener);
    return () => this.#barListeners.delete(listener);
  }

  refetchAll(): void {
    void this.refetchStatus();
    void this.#refetchAccount();
    for (const table of Object.values(this.#tables)) void table.refetch();
  }

  async refetchStatus(): Promise<void> {
    try {
      this.#setStatus(await api.get<Status>('status'));
      this.statusError = null;
    } catch (cause) {
      this.statusError = asApiError(cause);
    }
  }

  async #refetchAccount(): Promise<void> {
    try {
      this.account = await api.get<Account>(pastDay ? `account?day=${pastDay}` : 'account');
      this.accountError = null;
    } catch (cause) {
      this.accountError = asApiError(cause);
    }
  }

  #setStatus(status: Status): void {
    const rolled = this.status !== null && this.status.session_date !== status.session_date;
    this.status = status;
    if (!rolled) return;
    for (const table of Object.values(this.#tables)) {
      table.clear();
      void table.refetch();
    }
    void this.#refetchAccount();
  }

  #take(event: ServerEvent): void {
    this.heardAtMs = performance.now();
    const data: unknown = JSON.parse(event.data);
    if (event.name === 'heartbeat') this.#beat(data as Heartbeat);
    else if (event.name === 'status') this.#setStatus(single<Status>(data));
    // What happens now is no part of a session that is over.
    else if (pastDay) return;
    else if (event.name === 'account') this.account = { ...this.account, ...single<Account>(data) };
    else if (event.name === 'bars') this.#takeBars(data as { symbol?: string; items: (Bar & { symbol?: string })[] });
    else this.#tables[event.name]?.upsert((data as { items: never[] }).items);
  }

  #beat(beat: Heartbeat): void {
    if (beat.market !== this.heartbeat?.market) this.marketMovedAtMs = performance.now();
    this.heartbeat = beat;
    const due = performance.now() - this.#statusFetchedAtMs > 10_000;
    if (!due) return;
    this.#statusFetchedAtMs = performance.now();
    void this.refetchStatus();
  }

  #takeBars(data: { symbol?: string; items: (Bar & { symbol?: string })[] }): void {
    const bySymbol = new Map<string, Bar[]>();
    for (const bar of data.items) {
      const symbol = bar.symbol ?? data.symbol;
      if (!symbol) continue;
      const bars = bySymbol.get(symbol) ?? [];
      bars.push(bar);
      bySymbol.set(symbol, bars);
    }
    for (const [symbol, bars] of bySymbol) for (const listener of this.#barListeners) listener(symbol, bars);
  }
}

/** `status` and `account` travel as the object itself or as the last item of a list. */
function single<T>(data: unknown): T {
  const items: unknown = data && typeof data === 'object' ? Reflect.get(data, 'items') : null;
  return (Array.isArray(items) ? items.at(-1) : data) as T;
}

export const session = new Session();
