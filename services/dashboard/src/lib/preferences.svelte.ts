export type Theme = 'auto' | 'dark' | 'light';

const THEMES: readonly Theme[] = ['auto', 'dark', 'light'];

/** What the viewer chose, kept in this browser only. */
class Preferences {
  theme = $state<Theme>(THEMES.find((t) => t === stored('theme')) ?? 'auto');
  shortcuts = $state(stored('shortcuts') !== 'off');

  /** Shows the chosen theme; `auto` follows the system. */
  applyTheme(): void {
    if (this.theme === 'auto') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = this.theme;
  }

  nextTheme(): void {
    this.theme = THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length] ?? 'auto';
    keep('theme', this.theme);
    this.applyTheme();
  }

  setShortcuts(on: boolean): void {
    this.shortcuts = on;
    keep('shortcuts', on ? 'on' : 'off');
  }
}

function stored(name: string): string | null {
  try {
    return localStorage.getItem(`fin.${name}`);
  } catch {
    return null;
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`fin.${name}`, value);
  } catch {
    // A browser that keeps nothing still shows the choice until the page closes.
  }
}

export const preferences = new Preferences();
