/** The last row of each key, in the order in which keys first came. */
export class KeyedRows<Row> {
  #rows = new Map<string, Row>();
  #touched = new Set<string>();
  readonly #key: (row: Row) => string;
  readonly #gone: (row: Row) => boolean;

  /** `gone` tells a row that ends its key, such as a position of no shares. */
  constructor(key: (row: Row) => string, gone: (row: Row) => boolean = () => false) {
    this.#key = key;
    this.#gone = gone;
  }

  /** Rows that came live. */
  upsert(rows: readonly Row[]): void {
    for (const row of rows) {
      const key = this.#key(row);
      this.#touched.add(key);
      if (this.#gone(row)) this.#rows.delete(key);
      else this.#rows.set(key, row);
    }
  }

  /** Call before asking for a snapshot: what comes live from here on is newer than its answer. */
  beginSnapshot(): void {
    this.#touched.clear();
  }

  /** The snapshot asked for at `beginSnapshot`; rows it lacks go, unless they came live since. */
  applySnapshot(rows: readonly Row[]): void {
    const before = this.#rows;
    this.#rows = new Map();
    for (const row of rows) {
      const key = this.#key(row);
      if (!this.#touched.has(key) && !this.#gone(row)) this.#rows.set(key, row);
    }
    for (const key of this.#touched) {
      const live = before.get(key);
      if (live !== undefined) this.#rows.set(key, live);
    }
  }

  clear(): void {
    this.#rows.clear();
    this.#touched.clear();
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  values(): Row[] {
    return [...this.#rows.values()];
  }
}

/** Least time between two re-sorts of a live table, in milliseconds. */
export const RESORT_MIN_MS = 1_000;

/** Keeps a live table's rows in place: sorts again at most once a second, and never while it is held. */
export class StableOrder {
  #keys: string[] = [];
  #sortedAt = Number.NEGATIVE_INFINITY;
  #sortedBy: unknown = null;

  /**
   * `rows` in the order to show. While `held`, or too soon after the last sort, known rows stay where they are
   * and new ones go to the end. A new `sortedBy` (column, direction) sorts at once.
   */
  arrange<Row>(
    rows: readonly Row[],
    key: (row: Row) => string,
    compare: (a: Row, b: Row) => number,
    at: { nowMs: number; held: boolean; sortedBy: unknown },
  ): Row[] {
    const due = !at.held && at.nowMs - this.#sortedAt >= RESORT_MIN_MS;
    if (due || at.sortedBy !== this.#sortedBy) {
      this.#sortedAt = at.nowMs;
      this.#sortedBy = at.sortedBy;
      const sorted = [...rows].sort(compare);
      this.#keys = sorted.map(key);
      return sorted;
    }
    const byKey = new Map(rows.map((row) => [key(row), row]));
    const shown: Row[] = [];
    for (const known of this.#keys) {
      const row = byKey.get(known);
      if (row === undefined) continue;
      shown.push(row);
      byKey.delete(known);
    }
    shown.push(...byKey.values());
    this.#keys = shown.map(key);
    return shown;
  }
}

/** Compares two sort values: numbers by size, text by the alphabet, the unknown always last. */
export function compareValues(a: string | number | null, b: string | number | null, descending: boolean): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
  return descending ? -order : order;
}

/** Runs `flush` once per animation frame after `request`, or once a second while the page is hidden. */
export class FrameBatch {
  #pending = false;
  readonly #flush: () => void;

  constructor(flush: () => void) {
    this.#flush = flush;
  }

  request(): void {
    if (this.#pending) return;
    this.#pending = true;
    const run = (): void => {
      if (!this.#pending) return;
      this.#pending = false;
      this.#flush();
    };
    if (document.visibilityState === 'visible') requestAnimationFrame(run);
    setTimeout(run, 1_000);
  }
}
