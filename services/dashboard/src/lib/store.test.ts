import { expect, test } from 'vitest';
import { compareValues, KeyedRows, RESORT_MIN_MS, StableOrder } from './store';

interface Row {
  id: string;
  n: number;
}
const row = (id: string, n: number): Row => ({ id, n });
const keyed = (): KeyedRows<Row> => new KeyedRows((r) => r.id, (r) => r.n === 0);

test('of each key the last row stays, and a row that ends its key goes', () => {
  const rows = keyed();
  rows.upsert([row('a', 1), row('b', 2), row('a', 3)]);
  expect(rows.values()).toEqual([row('a', 3), row('b', 2)]);
  rows.upsert([row('b', 0)]);
  expect(rows.values()).toEqual([row('a', 3)]);
});

test('a snapshot loses to what came live after it was asked for', () => {
  const rows = keyed();
  rows.upsert([row('old', 1), row('gone', 1)]);
  rows.beginSnapshot();
  rows.upsert([row('a', 9), row('gone', 0)]);
  rows.applySnapshot([row('a', 1), row('b', 2), row('gone', 1)]);
  expect(rows.values().sort((x, y) => (x.id < y.id ? -1 : 1))).toEqual([row('a', 9), row('b', 2)]);
});

const by = (a: Row, b: Row): number => b.n - a.n;
const ids = (rows: Row[]): string => rows.map((r) => r.id).join('');

test('rows sort again at most once a second', () => {
  const order = new StableOrder();
  const at = (nowMs: number) => ({ nowMs, held: false, sortedBy: 'n' });
  expect(ids(order.arrange([row('a', 2), row('b', 1)], (r) => r.id, by, at(0)))).toBe('ab');
  const moved = [row('a', 2), row('b', 5), row('c', 9)];
  expect(ids(order.arrange(moved, (r) => r.id, by, at(RESORT_MIN_MS - 1)))).toBe('abc');
  expect(ids(order.arrange(moved, (r) => r.id, by, at(RESORT_MIN_MS)))).toBe('cba');
});

test('held rows keep their places and show new values; another column sorts at once', () => {
  const order = new StableOrder();
  const arrange = (rows: Row[], nowMs: number, sortedBy = 'n') => order.arrange(rows, (r) => r.id, by, { nowMs, held: nowMs > 0, sortedBy });
  arrange([row('a', 3), row('b', 2), row('c', 1)], 0);
  const shown = arrange([row('c', 7), row('a', 3), row('d', 9)], 60_000);
  expect(shown).toEqual([row('a', 3), row('c', 7), row('d', 9)]);
  expect(ids(arrange([row('a', 3), row('c', 7), row('d', 9)], 60_001, 'other'))).toBe('dca');
});

test('the unknown sorts last, both ways', () => {
  const sorted = (descending: boolean) => [2, null, 10].sort((a, b) => compareValues(a, b, descending));
  expect(sorted(false)).toEqual([2, 10, null]);
  expect(sorted(true)).toEqual([10, 2, null]);
});
