import { expect, test } from 'vitest';
import type { Decision, Fault, Fill } from './api';
import { happenings } from './events';

const fill = { id: 'f1', symbol: 'ACME', side: 'buy', leg: 'entry', quantity: 120, price: '12.3400', plan_id: 'p1', ts_event: '2026-11-24T14:36:00Z' } as Fill;
const denied = { id: 'd1', symbol: 'ZETA', outcome: 'denied', reason: 'limit_reached', detail: 'open plans 5 of 5', plan_id: 'p2', decided_at: '2026-11-24T14:35:01Z' } as Decision;
const fault = { id: 'e1', severity: 'warning', service: 'recorder', message: 'slow disk', at: '2026-11-24T14:37:00Z' } as Fault;

test('what happened is told newest first, each line with the plan it belongs to', () => {
  const told = happenings({ plans: [], decisions: [denied], orders: [], fills: [fill], errors: [fault] }, 10);
  expect(told.map((h) => [h.kind, h.symbol, h.text, h.planId, h.severity])).toEqual([
    ['error', null, 'recorder: slow disk', null, 'warning'],
    ['fill', 'ACME', 'bought 120 at 12.34, entry', 'p1', null],
    ['decision', 'ZETA', 'denied: open plans 5 of 5', 'p2', null],
  ]);
});

test('no more lines than asked for, the oldest left out', () => {
  const told = happenings({ plans: [], decisions: [denied], orders: [], fills: [fill], errors: [fault] }, 2);
  expect(told.map((h) => h.kind)).toEqual(['error', 'fill']);
});
