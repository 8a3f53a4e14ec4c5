/** The exchange's zone; every session, schedule and ladder is told in it. */
export const EXCHANGE_ZONE = 'America/New_York';

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string | undefined, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone ?? ''}|${JSON.stringify(options)}`;
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat('en-GB', { ...options, hourCycle: 'h23', ...(zone ? { timeZone: zone } : {}) });
    formats.set(key, made);
  }
  return made;
}

/** Milliseconds since the epoch of an RFC 3339 instant; null when absent or unreadable. */
export function instant(text: string | null | undefined): number | null {
  if (!text) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

/** `09:35:02` in `zone` (the viewer's when omitted). */
export function clockTime(ms: number, zone?: string): string {
  return format(zone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(ms);
}

/** `09:35:02.114` in exchange time. */
export function clockMillis(ms: number): string {
  return `${clockTime(ms, EXCHANGE_ZONE)}.${String(Math.floor(ms) % 1000).padStart(3, '0')}`;
}

/** `09:35` in `zone` (the viewer's when omitted). */
export function clockMinute(ms: number, zone?: string): string {
  return format(zone, { hour: '2-digit', minute: '2-digit' }).format(ms);
}

/** `Tue 24 Nov 2026` in exchange time, from a session date. */
export function sessionDay(date: string): string {
  const ms = Date.parse(`${date}T12:00:00Z`);
  if (Number.isNaN(ms)) return date;
  return format('UTC', { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }).format(ms).replace(',', '');
}

/** Minutes that `zone` (the viewer's when omitted) is ahead of UTC at `ms`. */
export function utcOffsetMinutes(ms: number, zone?: string): number {
  const fields = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' } as const;
  const part: Record<string, number> = {};
  for (const { type, value } of format(zone, fields).formatToParts(ms)) part[type] = Number(value);
  const local = Date.UTC(part['year'] ?? 0, (part['month'] ?? 1) - 1, part['day'] ?? 1, part['hour'] ?? 0, part['minute'] ?? 0, part['second'] ?? 0);
  return Math.round((local - Math.floor(ms / 1000) * 1000) / 60_000);
}

/** The viewer's distance from exchange time at `ms`: `+6 h`, `−4:30 h`, `same`. */
export function offsetFromExchange(ms: number, viewerZone?: string): string {
  const minutes = utcOffsetMinutes(ms, viewerZone) - utcOffsetMinutes(ms, EXCHANGE_ZONE);
  if (minutes === 0) return 'same';
  const size = Math.abs(minutes);
  const rest = size % 60;
  return `${minutes < 0 ? '−' : '+'}${Math.floor(size / 60)}${rest ? `:${String(rest).padStart(2, '0')}` : ''} h`;
}

/** An age in the largest fitting unit: `0.2 s`, `14 s`, `3 m`, `2 h`, `4 d`. */
export function age(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.floor(seconds)} s`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)} m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** A countdown: `4:46`, `1:02:09`; `due` once it is over. */
export function countdown(ms: number): string {
  if (ms <= 0) return 'due';
  const seconds = Math.ceil(ms / 1000);
  const tail = `${String(Math.floor(seconds / 60) % 60).padStart(seconds >= 3600 ? 2 : 1, '0')}:${String(seconds % 60).padStart(2, '0')}`;
  return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${tail}` : tail;
}

/** The time since `from`, told as a step of a story: `+0.004 s`, `+2 m 10 s`. */
export function delta(from: number, to: number): string {
  const ms = to - from;
  const sign = ms < 0 ? '−' : '+';
  const size = Math.abs(ms);
  if (size < 60_000) return `${sign}${(size / 1000).toFixed(3)} s`;
  const minutes = Math.floor(size / 60_000);
  if (minutes < 60) return `${sign}${minutes} m ${Math.floor((size % 60_000) / 1000)} s`;
  return `${sign}${Math.floor(minutes / 60)} h ${minutes % 60} m`;
}

/** A step on the way to flat, relative to the session's close. */
export interface LadderStep {
  offsetMinutes: number;
  name: string;
}

/** The flat-by ladder, in order. */
export const FLAT_LADDER: readonly LadderStep[] = [
  { offsetMinutes: -15, name: 'no entry' },
  { offsetMinutes: -10, name: 'cancel entries' },
  { offsetMinutes: -6, name: 'passive exit' },
  { offsetMinutes: -4, name: 'marketable' },
  { offsetMinutes: -2, name: 'market' },
  { offsetMinutes: 1, name: 'verify flat' },
];

/** 09:30 in exchange time, on the exchange day of `ms`. */
export function sessionOpenMs(ms: number): number {
  const local = ms + utcOffsetMinutes(ms, EXCHANGE_ZONE) * 60_000;
  const midnight = Math.floor(local / 86_400_000) * 86_400_000;
  const open = midnight + 570 * 60_000;
  return open - utcOffsetMinutes(open, EXCHANGE_ZONE) * 60_000;
}
