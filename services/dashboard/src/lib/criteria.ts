import type { Candidate, Criterion } from './api';
import { UNKNOWN, count, fixed, price, usd, words } from './format';

const SHORT_NAMES: Readonly<Record<string, string>> = {
  relative_volume: 'rvol',
  relative_volume_by_time: 'rvol by time',
  premarket_relative_volume: 'pre-mkt rvol',
  average_volume: 'avg volume',
  atr: 'ATR',
  premarket_volume: 'pre-mkt volume',
  premarket_dollar_volume: 'pre-mkt $',
  opening_range_direction: 'range direction',
  feed_complete: 'feed complete',
  security_type: 'common stock',
  not_halted: 'not halted',
  prev_close_agreement: 'prev close agreed',
  history: 'sessions known',
  no_cash_merger: 'no cash merger',
  price_max: 'price',
  spread_of_stop: 'spread of stop',
  premarket_high_distance: 'pre-mkt high to open',
  premarket_high_broken: 'above pre-mkt high',
};

const BROKEN: Readonly<Record<string, string>> = { '>=': '<', '<=': '>', '>': '≤', '<': '≥', '=': '≠' };
const SHOWN: Readonly<Record<string, string>> = { '>=': '≥', '<=': '≤' };

/** The criterion's name as a trader says it. */
export function criterionName(name: string): string {
  return SHORT_NAMES[name] ?? words(name);
}

/** A number with its unit. */
function quantity(text: string | null, unit: string): string {
  if (text === null) return UNKNOWN;
  switch (unit) {
    case 'percent':
    case '%':
      return `${fixed(text, 2)}%`;
    case 'usd_per_share':
      return `$${price(text)}`;
    case 'usd':
    case '$':
      return usd(text, 0);
    case 'shares':
      return fixed(text, 0);
    case 'ratio':
    case 'x':
      return `${fixed(text, 2)}×`;
    case 'sessions':
      return fixed(text, 0);
    case 'atr':
      return `${fixed(text, 2)} ATR`;
    case 'direction':
      return Number(text) > 0 ? 'up' : Number(text) < 0 ? 'down' : 'flat';
    case 'yes_no':
      return Number(text) === 0 ? 'no' : 'yes';
    default:
      return text;
  }
}

/** What was measured, or what it was held against, as a trader reads it. */
export function valueOf(criterion: Criterion, which: 'value' | 'threshold'): string {
  const text = criterion[which];
  if (criterion.name === 'feed_complete' && text !== null) return count(Number(text), 'gap');
  return quantity(text, criterion.unit);
}

/** `≥ 4.00%`: what the criterion asks for. */
export function requirement(criterion: Criterion): string {
  const asked = valueOf(criterion, 'threshold');
  return `${SHOWN[criterion.comparison] ?? criterion.comparison} ${asked}`;
}

/** `spread 0.42% > 0.30%`: why this criterion failed. */
export function refusal(criterion: Criterion): string {
  const name = criterionName(criterion.name);
  if (criterion.value === null) return `${name} not known`;
  const broken = BROKEN[criterion.comparison] ?? `not ${criterion.comparison}`;
  return `${name} ${valueOf(criterion, 'value')} ${broken} ${valueOf(criterion, 'threshold')}`;
}

/** The deciding criterion first, then the other failures, the unknown and the passed, each in the order asked. */
export function decisiveFirst(candidate: Candidate): Criterion[] {
  const weight = (c: Criterion): number => {
    if (c.name === candidate.refused_by) return 0;
    return c.outcome === 'fail' ? 1 : c.outcome === 'not_evaluated' ? 2 : 3;
  };
  return [...candidate.criteria].sort((a, b) => weight(a) - weight(b));
}

/** Why the scan refused the candidate, in one line; null when it passed. */
export function whyRefused(candidate: Candidate): string | null {
  if (candidate.passed) return null;
  const decisive =
    candidate.criteria.find((c) => c.name === candidate.refused_by) ??
    candidate.criteria.find((c) => c.outcome === 'fail');
  if (decisive) return refusal(decisive);
  return candidate.refused_by ? words(candidate.refused_by) : 'refused, no reason recorded';
}
