import { expect, test } from 'vitest';
import { fixed, parseDecimal, price, rMultiple, signed, signedUsd, thousands, usd } from './format';

test.each([
  ['1234567.895', 2, '1,234,567.90'],
  ['0.005', 2, '0.01'],
  ['-0.005', 2, '−0.01'],
  ['-0.004', 2, '0.00'],
  ['92233720368.547758070', 9, '92,233,720,368.547758070'],
  ['7', 0, '7'],
  ['999.5', 0, '1,000'],
  [null, 2, '–'],
  ['', 2, '–'],
  ['abc', 2, '–'],
  ['1e5', 2, '–'],
])('%s to %i places is %s', (text, places, expected) => {
  expect(fixed(text, places)).toBe(expected);
});

test('what a float cannot hold is still shown exactly', () => {
  expect(fixed('9007199254740993.000000001', 9)).toBe('9,007,199,254,740,993.000000001');
  expect(parseDecimal('0.1')).toBe(100_000_000n);
});

test.each([
  ['1.24', '▲ +1.24R'],
  ['-0.5', '▼ −0.50R'],
  ['0', '0.00R'],
  [null, '–'],
])('%s in R is %s', (text, expected) => {
  expect(rMultiple(text)).toBe(expected);
});

test('a zero never carries a sign, however it was rounded', () => {
  expect(signed('0.004', 2)).toBe('0.00');
  expect(signed('-0.004', 2)).toBe('0.00');
  expect(signed('0.005', 2)).toBe('+0.01');
});

test('money carries its sign before the dollar', () => {
  expect(signedUsd('41.2')).toBe('+$41.20');
  expect(signedUsd('-1041.2')).toBe('−$1,041.20');
  expect(signedUsd(null)).toBe('–');
  expect(usd('98204.1')).toBe('$98,204.10');
});

test.each([
  ['12.345', '12.35'],
  ['0.98765', '0.9877'],
  ['1', '1.00'],
  ['-0.5', '−0.5000'],
])('the price %s is shown by tick as %s', (text, expected) => {
  expect(price(text)).toBe(expected);
});

test.each([
  [1_240_000, '1,240.0'],
  [412_049, '412.0'],
  [49, '0.0'],
  [50, '0.1'],
  [null, '–'],
])('%s shares in thousands are %s', (value, expected) => {
  expect(thousands(value)).toBe(expected);
});
