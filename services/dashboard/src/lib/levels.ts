import type { Candidate, Decimal, Plan, Position } from './api';
import { toNumber } from './format';

/** A horizontal line of the chart. */
export interface Level {
  name: string;
  /** What is drawn with. */
  price: number;
  /** What is shown. */
  text: Decimal;
  /** Of the plan (drawn solid), or of the market (dashed). */
  kind: 'plan' | 'market';
}

/** The levels of a symbol: its plan's entry, stop and targets, its scan's references. Unknown ones are left out. */
export function levelsOf(plan: Plan | null, candidate: Candidate | null, position: Position | null): Level[] {
  const named: [string, Decimal | null | undefined, Level['kind']][] = [
    ['Entry', position?.avg_entry_price ?? plan?.entry, 'plan'],
    ['Stop', position?.stop ?? plan?.stop, 'plan'],
    ...(plan?.targets ?? []).map((t, i): [string, Decimal, 'plan'] => [`Target ${i + 1}`, t, 'plan']),
    ['Trail from', plan?.exits?.trail?.state === 'waiting' ? plan.exits.trail.from : null, 'plan'],
    ['Prev close', candidate?.prev_close, 'market'],
    ['ORH', candidate?.or_high, 'market'],
    ['ORL', candidate?.or_low, 'market'],
    ['PMH', candidate?.premarket_high, 'market'],
    ['PML', candidate?.premarket_low, 'market'],
  ];
  return named.flatMap(([name, text, kind]) => {
    const price = toNumber(text);
    return text == null || price === null ? [] : [{ name, price, text, kind }];
  });
}
