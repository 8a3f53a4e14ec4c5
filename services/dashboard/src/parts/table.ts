/** How a cell is set apart: by the sign of money, or as less important. */
export type Tone = 'up' | 'down' | 'muted' | 'strong' | 'mono' | '';

/** One column of a table. */
export interface Column<Row> {
  key: string;
  label: string;
  /** Unit of the numbers below, shown once, in the header. */
  unit?: string;
  /** The value rows are sorted by; null sorts last. */
  sort: (row: Row) => string | number | null;
  /** What the cell shows, when it is not what it is sorted by. */
  text?: (row: Row) => string;
  tone?: (row: Row) => Tone;
  /** What the cell says when pointed at, such as why a value is unknown. */
  hint?: (row: Row) => string | undefined;
  numeric?: boolean;
  /** 1 always shows, 2 from 480 px of panel width, 3 from 640 px. */
  priority?: 1 | 2 | 3;
  /** Takes the width that is left and cuts what does not fit. */
  grow?: boolean;
}

/** Which column sorts, and which way. */
export interface Sorting {
  key: string;
  descending: boolean;
}

/** The tone of money: by its sign. */
export function moneyTone(direction: -1 | 0 | 1 | null): Tone {
  return direction === 1 ? 'up' : direction === -1 ? 'down' : '';
}
