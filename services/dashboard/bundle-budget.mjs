// Holds the built page to its size: what the first view loads, and the chart that loads later. Gzip, in kB of 1000.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const FIRST_LOAD_MAX = 110;
const LAZY_MAX = 90;
const dist = new URL('./dist/', import.meta.url);
const html = readFileSync(new URL('index.html', dist), 'utf8');

const kilobytes = (path) => {
  const bytes = readFileSync(new URL(path, dist));
  return (path.endsWith('.woff2') ? bytes.length : gzipSync(bytes).length) / 1000;
};
const assets = readdirSync(new URL('assets/', dist)).map((name) => `assets/${name}`);
const first = ['index.html', ...assets.filter((path) => html.includes(path) || path.endsWith('.woff2'))];
const sum = (paths) => paths.reduce((total, path) => total + kilobytes(path), 0);
const firstLoad = sum(first);
const lazy = sum(assets.filter((path) => !first.includes(path)));

console.log(`first load ${firstLoad.toFixed(1)} kB of ${FIRST_LOAD_MAX}, fonts included; loaded later ${lazy.toFixed(1)} kB of ${LAZY_MAX}`);
if (firstLoad > FIRST_LOAD_MAX || lazy > LAZY_MAX) process.exit(1);
