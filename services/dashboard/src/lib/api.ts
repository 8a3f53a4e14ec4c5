import { access } from './access.svelte';
import { pastDay } from './day';

/** Decimal as text: `"12.340000000"`. */
export type Decimal = string;
/** RFC 3339 in UTC. */
export type Time = string;

export type Mode = 'SIM' | 'PAPER' | 'LIVE';
export type TradingState = 'normal' | 'no_entry' | 'reduce' | 'flatten' | 'halt';
export type Severity = 'critical' | 'warning' | 'info';

export interface Check {
  name: string;
  ok: boolean;
  detail: string;
}

export interface Service {
  name: string;
  instance: string;
  version: string;
  state: 'ready' | 'degraded' | 'starting' | 'down';
  detail: string | null;
  seen_at: Time | null;
}

export interface AlertTarget {
  name: string;
  kind: string;
  state: 'idle' | 'delivered' | 'retrying' | 'given_up';
  detail: string;
  waiting: number;
  delivered: number;
  given_up: number;
  last_at: Time | null;
}

export interface Banner {
  id: string;
  severity: Severity;
  service: string;
  message: string;
  detail: string | null;
  since: Time;
  last: Time;
  count: number;
}

export interface Counts {
  candidates: number;
  passed: number;
  plans: number;
  open_positions: number;
  open_orders: number;
  fills: number;
}

export interface Status {
  profile: string;
  mode: Mode;
  version: string;
  session_date: string;
  clock: { market: Time | null; store: Time | null; now: Time; phase: 'premarket' | 'regular' | 'post' | 'closed' };
  trading_state: TradingState;
  verdict: string;
  next_step: { name: string; at: Time } | null;
  flat_by: Time | null;
  readiness: { ready: boolean; passed: number; total: number; checks: Check[] };
  bus: { url: string; connected: boolean };
  vendors: Record<string, string> | null;
  services: Service[];
  alerts: { sending: boolean; targets: AlertTarget[] };
  banners: Banner[];
  counts: Counts;
}

export interface Criterion {
  name: string;
  value: Decimal | null;
  threshold: Decimal;
  comparison: string;
  outcome: 'pass' | 'fail' | 'not_evaluated';
  unit: string;
  source: string;
}

export interface Candidate {
  id: string;
  round_id: string;
  schedule: string;
  symbol: string;
  session_date: string;
  evaluated_at: Time;
  passed: boolean;
  refused_by: string | null;
  score: Decimal | null;
  rank: number | null;
  signal_id: string | null;
  last: Decimal | null;
  prev_close: Decimal | null;
  open: Decimal | null;
  gap_pct: Decimal | null;
  rvol: Decimal | null;
  atr_14: Decimal | null;
  premarket_high: Decimal | null;
  premarket_low: Decimal | null;
  premarket_volume: number | null;
  or_high: Decimal | null;
  or_low: Decimal | null;
  or_volume: number | null;
  adv_14: number | null;
  criteria: Criterion[];
}

export type PlanState = 'proposed' | 'approved' | 'denied' | 'working' | 'open' | 'closed';

export interface TargetExit {
  slice: number;
  price: Decimal;
  fraction_bps: number;
  quantity: number | null;
  filled_qty: number;
  state: 'waiting' | 'working' | 'filled' | 'ended';
}

/** How a position is left besides its stop and the close. */
export interface Exits {
  targets: TargetExit[];
  /** `from` is the price at which the stop begins to follow. */
  trail: { from: Decimal; distance: Decimal; state: 'waiting' | 'following' | 'ended' } | null;
  time_stop: { due_at: Time | null; after_seconds: number; price: Decimal; state: 'waiting' | 'closed' | 'ended' } | null;
  halt_resume_seconds: number;
}

export interface Plan {
  id: string;
  signal_id: string | null;
  round_id: string;
  symbol: string;
  side: 'buy' | 'sell';
  session_date: string;
  rank: number | null;
  entry: Decimal;
  entry_limit: Decimal | null;
  stop_distance: Decimal;
  stop: Decimal | null;
  targets: Decimal[];
  /** Absent in what an older version stored. */
  exits?: Exits;
  valid_until: Time | null;
  exit_by: Time | null;
  state: PlanState;
  quantity: number | null;
  binding_cap: string | null;
  denied_reason: string | null;
  closed_reason: string | null;
  pnl: Decimal | null;
  r_multiple: Decimal | null;
  proposed_at: Time;
}

export interface SizeTerm {
  name: string;
  value: number | null;
  detail: string | null;
}

export interface Decision {
  id: string;
  plan_id: string;
  symbol: string;
  outcome: 'approved' | 'denied';
  quantity: number | null;
  reason: string | null;
  detail: string | null;
  binding_cap: string | null;
  terms: SizeTerm[];
  equity: Decimal | null;
  decided_at: Time;
}

export type Leg = 'entry' | 'stop' | 'target' | 'exit';

export interface Order {
  client_order_id: string;
  venue_order_id: string | null;
  plan_id: string | null;
  symbol: string;
  leg: Leg;
  side: 'buy' | 'sell';
  order_type: string;
  quantity: number;
  filled_qty: number;
  limit_price: Decimal | null;
  stop_price: Decimal | null;
  avg_fill_price: Decimal | null;
  state: string;
  attempt: number;
  intended_at: Time;
  updated_at: Time;
}

export interface Fill {
  id: string;
  client_order_id: string;
  plan_id: string | null;
  symbol: string;
  side: 'buy' | 'sell';
  leg: Leg;
  quantity: number;
  price: Decimal;
  cumulative_qty: number;
  slippage_r: Decimal | null;
  ts_event: Time;
}

export interface Position {
  symbol: string;
  plan_id: string | null;
  quantity: number;
  avg_entry_price: Decimal;
  last: Decimal | null;
  unrealized_pnl: Decimal | null;
  r_multiple: Decimal | null;
  stop: Decimal | null;
  covered: boolean;
  opened_at: Time;
}

export interface Account {
  account: string;
  equity: Decimal | null;
  start_equity: Decimal | null;
  cash: Decimal | null;
  buying_power: Decimal | null;
  day_pnl: Decimal | null;
  day_pnl_pct: Decimal | null;
  day_r: Decimal | null;
  gross_exposure: Decimal | null;
  daily_loss_limit: Decimal | null;
  daily_stop_used_pct: Decimal | null;
  observed_at: Time | null;
  curve: { at: Time; equity: Decimal }[];
}

export interface Fault {
  id: string;
  severity: Severity;
  service: string;
  code: string;
  message: string;
  detail: string | null;
  subject: string | null;
  at: Time;
  count: number;
}

export interface Letter {
  id: string;
  at: Time;
  reader: string;
  stream: string | null;
  seq: number;
  subject: string;
  type: string | null;
  event_id: string | null;
  delivered: number;
  reason: string;
}

export interface Running {
  name: string;
  version: string;
  paused: boolean;
  activation: Activation | null;
  refused: string | null;
}

export interface Activation {
  id: string;
  name: string | null;
  version: string;
  activated_at: Time;
  effective_from: Time | null;
  author: string;
  reason: string;
  file: string | null;
  previous: string | null;
  changes: { key: string; before: string | null; after: string | null }[];
}

export interface Bar {
  start: Time;
  open: Decimal;
  high: Decimal;
  low: Decimal;
  close: Decimal;
  volume: number;
}

export interface Headline {
  id: string;
  symbol: string;
  headline: string;
  source: string;
  url: string | null;
  published_at: Time;
}

export interface StoryEvent {
  at: Time;
  stream: string;
  seq: number | null;
  type: string;
  id: string;
  summary: string;
}

export interface Story {
  plan: Plan;
  candidate: Candidate | null;
  decision: Decision | null;
  orders: Order[];
  fills: Fill[];
  events: StoryEvent[];
}

export interface Heartbeat {
  now: Time;
  market: Time | null;
  store: Time | null;
}

/** An answer that is not a success: the problem document's fields, or what the network said. */
export class ApiError extends Error {
  constructor(
    readonly title: string,
    readonly status: number,
    readonly detail: string,
    readonly requestId: string | null,
  ) {
    super(detail ? `${title}: ${detail}` : title);
  }
}

const TIMEOUT_MS = 10_000;
const PAGE_SIZE = 500;
const PAGES_MAX = 20;

async function call<T>(path: string, init: RequestInit = {}): Promise<T> {
  let response: Response;
  const token = access.token;
  try {
    const signal = init.signal ?? AbortSignal.timeout(TIMEOUT_MS);
    response = await fetch(path, { ...init, headers: { ...init.headers, ...access.headers() }, signal, cache: 'no-store' });
  } catch (cause) {
    throw new ApiError('No answer from the API', 0, cause instanceof Error ? cause.message : '', null);
  }
  // What a request without the token of now was told says nothing about that token.
  if (token === access.token) {
    if (response.status === 401) access.wanted = 'token';
    else if (response.headers.get('www-authenticate')?.includes('insufficient_scope')) access.wanted = 'scope';
  }
  if (!response.ok) throw await problem(response);
  return (await response.json()) as T;
}

async function problem(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  const field = (name: string): string | null => {
    const value: unknown = body && typeof body === 'object' ? Reflect.get(body, name) : null;
    return typeof value === 'string' ? value : null;
  };
  const requestId = field('request_id') ?? response.headers.get('x-request-id');
  return new ApiError(field('title') ?? `HTTP ${response.status}`, response.status, field('detail') ?? '', requestId);
}

/** One resource below `/api/v1`. */
export function get<T>(path: string): Promise<T> {
  return call<T>(`/api/v1/${path}`);
}

/** Every row of a list, following its cursor up to 10,000 rows. */
export async function list<T>(path: string, query: Record<string, string> = {}): Promise<T[]> {
  const rows: T[] = [];
  let after: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const params: URLSearchParams = new URLSearchParams({ ...query, limit: String(PAGE_SIZE), ...(after === null ? {} : { after }) });
    const answer: { items: T[]; next: string | null } = await get(`${path}?${params}`);
    rows.push(...answer.items);
    after = answer.next;
    if (after === null) break;
  }
  return rows;
}

/** Sends a command; resolves with the audit event's id once the API accepted it. None is sent beside a past session. */
export async function command<T extends { id: string }>(path: string, body: object, idempotencyKey: string): Promise<T> {
  if (pastDay) throw new ApiError('Read-only', 0, `this page shows ${pastDay}; commands are for the running session`, null);
  return call(`/api/v1/commands/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
    body: JSON.stringify(body),
  });
}
