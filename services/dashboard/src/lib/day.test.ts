import { expect, test } from 'vitest';

Object.assign(globalThis, { location: { search: '?day=2026-11-20', hash: '' } });
const { dayHref, dayOf, pastDay } = await import('./day');

test('a past session is named by the query, and nothing else is', () => {
  expect(pastDay).toBe('2026-11-20');
  expect(dayOf('')).toBeNull();
  expect(dayOf('?day=yesterday')).toBeNull();
  expect(dayOf(new URL(dayHref('2026-11-20'), 'http://x/').search)).toBe('2026-11-20');
});
