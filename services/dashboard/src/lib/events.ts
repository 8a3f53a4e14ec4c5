import type { Decision, Fault, Fill, Order, Plan } from './api';
import { price, shares, words } from './format';
import { instant } from './time';

/** Something that happened, told in one line. */
export interface Happening {
  id: string;
  atMs: number;
  kind: 'plan' | 'decision' | 'order' | 'fill' | 'error';
  symbol: string | null;
  text: string;
  planId: string | null;
  severity: 'critical' | 'warning' | 'info' | null;
}

export interface HappeningSources {
  plans: readonly Plan[];
  decisions: readonly Decision[];
  orders: readonly Order[];
  fills: readonly Fill[];
  errors: readonly Fault[];
}

/** What happened, newest first, at most `limit` lines. */
export function happenings(sources: HappeningSources, limit: number): Happening[] {
  const all: Happening[] = [
    ...sources.plans.map(fromPlan),
    ...sources.decisions.map(fromDecision),
    ...sources.orders.map(fromOrder),
    ...sources.fills.map(fromFill),
    ...sources.errors.map(fromFault),
  ];
  return all.sort((a, b) => b.atMs - a.atMs || (a.id < b.id ? 1 : -1)).slice(0, limit);
}

function base(id: string, at: string, symbol: string | null, planId: string | null): Omit<Happening, 'kind' | 'text'> {
  return { id, atMs: instant(at) ?? 0, symbol, planId, severity: null };
}

function fromPlan(plan: Plan): Happening {
  const text = `proposed, entry ${price(plan.entry)}, stop distance ${price(plan.stop_distance)}`;
  return { ...base(`plan ${plan.id}`, plan.proposed_at, plan.symbol, plan.id), kind: 'plan', text };
}

function fromDecision(decision: Decision): Happening {
  const approved = `approved ${shares(decision.quantity)} shares, bound by ${words(decision.binding_cap)}`;
  const denied = `denied: ${decision.detail ?? words(decision.reason)}`;
  const text = decision.outcome === 'approved' ? approved : denied;
  return { ...base(`decision ${decision.id}`, decision.decided_at, decision.symbol, decision.plan_id), kind: 'decision', text };
}

function fromOrder(order: Order): Happening {
  const text = `${order.leg} ${words(order.state)}, ${shares(order.filled_qty)} of ${shares(order.quantity)} filled`;
  return { ...base(`order ${order.client_order_id}`, order.updated_at, order.symbol, order.plan_id), kind: 'order', text };
}

function fromFill(fill: Fill): Happening {
  const verb = fill.side === 'buy' ? 'bought' : 'sold';
  const text = `${verb} ${shares(fill.quantity)} at ${price(fill.price)}, ${fill.leg}`;
  return { ...base(`fill ${fill.id}`, fill.ts_event, fill.symbol, fill.plan_id), kind: 'fill', text };
}

function fromFault(fault: Fault): Happening {
  const text = `${fault.service}: ${fault.message}`;
  return { ...base(`error ${fault.id}`, fault.at, null, null), kind: 'error', text, severity: fault.severity };
}
