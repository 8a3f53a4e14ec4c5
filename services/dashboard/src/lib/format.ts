/** What stands where a value is not known. Never a zero. */
export const UNKNOWN = '–';

const MINUS = '−';
const SCALE = 9;

/** A decimal string as an integer of 1e-9, or null when it is absent or not a number. */
export function parseDecimal(text: string | number | null | undefined): bigint | null {
  if (text === null || text === undefined) return null;
  const match = /^([+-]?)(\d+)(?:\.(\d+))?$/.exec(String(text));
  if (!match) return null;
  const [, sign, whole = '', fraction = ''] = match;
  const scaled = BigInt(whole + fraction.slice(0, SCALE).padEnd(SCALE, '0'));
  return sign === '-' ? -scaled : scaled;
}

/** A decimal string as a float: for sorting, bar widths and charts, never for what is shown. */
export function toNumber(text: string | number | null | undefined): number | null {
  if (text === null || text === undefined || text === '') return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** -1, 0 or 1; null when not known. */
export function sign(text: string | number | null | undefined): -1 | 0 | 1 | null {
  const value = parseDecimal(text);
  if (value === null) return null;
  return value < 0n ? -1 : value > 0n ? 1 : 0;
}

/** Rounded half away from zero to `places`, with thousands separators and a true minus sign. */
export function fixed(text: string | number | null | undefined, places: number): string {
  const value = parseDecimal(text);
  if (value === null) return UNKNOWN;
  const unit = 10n ** BigInt(SCALE - places);
  const magnitude = value < 0n ? -value : value;
  const rounded = (magnitude + unit / 2n) / unit;
  const digits = rounded.toString().padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places).replace(/\B(?=(\d{3})+$)/g, ',');
  const negative = value < 0n && rounded > 0n;
  return (negative ? MINUS : '') + whole + (places > 0 ? '.' + digits.slice(-places) : '');
}

/** Like `fixed`, with a plus sign on what is above zero. */
export function signed(text: string | number | null | undefined, places: number): string {
  const shown = fixed(text, places);
  return shown === UNKNOWN || shown.startsWith(MINUS) || !/[1-9]/.test(shown) ? shown : `+${shown}`;
}

/** Dollars per share, by tick: a cent from one dollar up, a hundredth of a cent below. */
export function price(text: string | null | undefined): string {
  const value = parseDecimal(text);
  if (value === null) return UNKNOWN;
  const belowOneDollar = value > -(10n ** 9n) && value < 10n ** 9n && value !== 0n;
  return fixed(text, belowOneDollar ? 4 : 2);
}

/** Dollars with a sign: `+$41.20`. */
export function signedUsd(text: string | null | undefined): string {
  const shown = signed(text, 2);
  return shown.replace(/^([+−]?)(?=\d)/, '$1$$');
}

/** Dollars: `$98,204.10`. */
export function usd(text: string | null | undefined, places = 2): string {
  return fixed(text, places).replace(/^(−?)(?=\d)/, '$1$$');
}

/** Multiples of the risk taken: `▲ +1.24R`, `▼ −0.50R`. */
export function rMultiple(text: string | null | undefined): string {
  const direction = sign(text);
  if (direction === null) return UNKNOWN;
  return `${arrow(direction)}${signed(text, 2)}R`;
}

/** The glyph that tells a gain from a loss without colour. */
export function arrow(direction: -1 | 0 | 1 | null): string {
  return direction === 1 ? '▲ ' : direction === -1 ? '▼ ' : '';
}

/** Whole shares with separators. */
export function shares(value: number | string | null | undefined): string {
  return fixed(value, 0);
}

/** Shares in thousands, one decimal; the header carries the `k`. */
export function thousands(value: number | string | null | undefined): string {
  const scaled = parseDecimal(value);
  if (scaled === null) return UNKNOWN;
  const tenths = (scaled + 50n * 10n ** 9n) / (100n * 10n ** 9n);
  const digits = tenths.toString().padStart(2, '0');
  return `${digits.slice(0, -1).replace(/\B(?=(\d{3})+$)/g, ',')}.${digits.slice(-1)}`;
}

/** A closed set's name in words: `no_entry` becomes `no entry`. */
export function words(name: string | null | undefined): string {
  return name ? name.replaceAll('_', ' ') : UNKNOWN;
}

/** `1 plan`, `2 plans`. */
export function count(n: number, noun: string): string {
  return `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
}
