/** What a key asks for. */
export type Action =
  | { kind: 'go'; hash: string }
  | { kind: 'filter' }
  | { kind: 'row'; step: 1 | -1 }
  | { kind: 'why' }
  | { kind: 'help' }
  | { kind: 'flatten' };

export const PAGES: Readonly<Record<string, { hash: string; name: string }>> = {
  n: { hash: '#/now', name: 'Now' },
  p: { hash: '#/plans', name: 'Plans' },
  s: { hash: '#/symbol', name: 'Symbol' },
  a: { hash: '#/analytics', name: 'Analytics' },
  y: { hash: '#/system', name: 'System' },
};

const CHORD_MS = 1_200;

/** Turns key presses into actions; `g` waits a moment for the page's letter. */
export class Keys {
  #chordUntilMs = 0;

  press(key: string, nowMs: number): Action | null {
    if (nowMs < this.#chordUntilMs) {
      this.#chordUntilMs = 0;
      const page = PAGES[key];
      return page ? { kind: 'go', hash: page.hash } : null;
    }
    switch (key) {
      case 'g':
        this.#chordUntilMs = nowMs + CHORD_MS;
        return null;
      case '/':
        return { kind: 'filter' };
      case 'j':
        return { kind: 'row', step: 1 };
      case 'k':
        return { kind: 'row', step: -1 };
      case 'w':
        return { kind: 'why' };
      case '?':
        return { kind: 'help' };
      case 'F':
        return { kind: 'flatten' };
      default:
        return null;
    }
  }
}

/** Moves the focus to the next row's control, from the first table when none has it. */
export function moveRow(step: 1 | -1): void {
  const focused = document.activeElement?.closest('tr, li');
  const scope = focused?.parentElement ?? document.querySelector('[data-rows]');
  const rows = [...(scope?.querySelectorAll<HTMLElement>('[data-row]') ?? [])];
  const at = rows.findIndex((row) => row === document.activeElement);
  const next = at < 0 ? rows[step === 1 ? 0 : rows.length - 1] : rows[Math.min(rows.length - 1, Math.max(0, at + step))];
  next?.focus();
}
