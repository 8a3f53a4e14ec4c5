import { expect, test } from 'vitest';
import { age, clockMillis, clockTime, countdown, delta, EXCHANGE_ZONE, offsetFromExchange, sessionOpenMs } from './time';

const at = (text: string): number => Date.parse(text);

test('exchange time follows its own summer time', () => {
  expect(clockTime(at('2026-11-24T14:35:02Z'), EXCHANGE_ZONE)).toBe('09:35:02');
  expect(clockTime(at('2026-07-24T13:35:02Z'), EXCHANGE_ZONE)).toBe('09:35:02');
  expect(clockMillis(at('2026-11-24T05:00:00.007Z'))).toBe('00:00:00.007');
});

test.each([
  ['2026-11-24T14:00:00Z', 'Europe/Berlin', '+6 h'],
  ['2026-10-28T14:00:00Z', 'Europe/Berlin', '+5 h'],
  ['2027-03-16T14:00:00Z', 'Europe/Berlin', '+5 h'],
  ['2026-11-24T14:00:00Z', 'Asia/Kolkata', '+10:30 h'],
  ['2026-11-24T14:00:00Z', 'America/Los_Angeles', '−3 h'],
  ['2026-11-24T14:00:00Z', EXCHANGE_ZONE, 'same'],
])('at %s a viewer in %s is %s from the exchange', (instant, zone, expected) => {
  expect(offsetFromExchange(at(instant), zone)).toBe(expected);
});

test.each([
  ['2026-11-24T09:00:00Z', '2026-11-24T14:30:00Z'],
  ['2026-11-25T01:00:00Z', '2026-11-24T14:30:00Z'],
  ['2027-03-15T12:00:00Z', '2027-03-15T13:30:00Z'],
])('the session that %s belongs to opens at %s', (instant, open) => {
  expect(new Date(sessionOpenMs(at(instant))).toISOString()).toBe(open.replace('Z', '.000Z'));
});

test('ages, countdowns and steps keep to one unit', () => {
  expect([0, 240, 9_940, 14_000, 99_999, 100_000, 7_200_000, 400_000_000].map(age)).toEqual(
    ['0.0 s', '0.2 s', '9.9 s', '14 s', '99 s', '1 m', '2 h', '4 d']);
  expect([286_000, 999, 0, -5, 3_729_000].map(countdown)).toEqual(['4:46', '0:01', 'due', 'due', '1:02:09']);
  expect([delta(0, 4), delta(0, 130_000), delta(5, 0), delta(0, 23_400_000)]).toEqual(['+0.004 s', '+2 m 10 s', '−0.005 s', '+6 h 30 m']);
});
