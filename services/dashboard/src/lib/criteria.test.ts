import { expect, test } from 'vitest';
import type { Candidate, Criterion } from './api';
import { decisiveFirst, refusal, requirement, whyRefused } from './criteria';

function criterion(over: Partial<Criterion>): Criterion {
  return { name: 'spread', value: '0.42', threshold: '0.30', comparison: '<=', outcome: 'fail', unit: 'percent', source: 'finnhub quote', ...over };
}

function candidate(refusedBy: string | null, criteria: Criterion[]): Candidate {
  return { passed: refusedBy === null, refused_by: refusedBy, criteria } as Candidate;
}

test.each<[Partial<Criterion>, string]>([
  [{}, 'spread 0.42% > 0.30%'],
  [{ name: 'gap', value: '1.25', threshold: '4', comparison: '>=' }, 'gap 1.25% < 4.00%'],
  [{ name: 'price', value: '5', threshold: '5', comparison: '>', unit: 'usd_per_share' }, 'price $5.00 ≤ $5.00'],
  [{ name: 'relative_volume', value: '0.8', threshold: '1', comparison: '>=', unit: 'ratio' }, 'rvol 0.80× < 1.00×'],
  [{ name: 'security_type', value: '0', threshold: '1', comparison: '=', unit: 'yes_no' }, 'common stock no ≠ yes'],
  [{ name: 'average_volume', value: '812345', threshold: '1000000', comparison: '>=', unit: 'shares' }, 'avg volume 812,345 < 1,000,000'],
  [{ name: 'feed_complete', value: '2', threshold: '0', comparison: '<=', unit: 'ratio' }, 'feed complete 2 gaps > 0 gaps'],
  [{ name: 'history', value: '1', threshold: '2', comparison: '>=', unit: 'sessions' }, 'sessions known 1 < 2'],
  [{ name: 'premarket_high_distance', value: '1.2', threshold: '1', comparison: '<=', unit: 'atr' }, 'pre-mkt high to open 1.20 ATR > 1.00 ATR'],
  [{ name: 'atr', value: null, comparison: '>', unit: 'usd_per_share' }, 'ATR not known'],
])('a refusal shows the value against its threshold: %o', (over, expected) => {
  expect(refusal(criterion(over))).toBe(expected);
});

test('the deciding criterion comes first, then failed, unknown and passed in the order asked', () => {
  const asked = [
    criterion({ name: 'price', outcome: 'pass' }),
    criterion({ name: 'atr', outcome: 'not_evaluated' }),
    criterion({ name: 'gap' }),
    criterion({ name: 'spread' }),
  ];
  const names = decisiveFirst(candidate('spread', asked)).map((c) => c.name);
  expect(names).toEqual(['spread', 'gap', 'atr', 'price']);
});

test('a passed candidate has no refusal, a refused one names its decisive criterion', () => {
  expect(whyRefused(candidate(null, [criterion({ outcome: 'pass' })]))).toBeNull();
  expect(whyRefused(candidate('spread', [criterion({})]))).toBe('spread 0.42% > 0.30%');
  expect(whyRefused(candidate('reference', []))).toBe('reference');
  expect(requirement(criterion({ comparison: '>=' }))).toBe('≥ 0.30%');
});
