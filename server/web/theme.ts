import { createStore, type Store } from './store.ts';

const KEY = 'tagwave-theme';
const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** `system`: as the browser prefers. */
export const theme: Store<Theme> = createStore<Theme>(stored());

export function applyTheme(): void {
  const chosen = theme.get();
  if (chosen === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = chosen;
}

export function nextTheme(): void {
  const next = THEMES[(THEMES.indexOf(theme.get()) + 1) % THEMES.length] ?? 'system';
  theme.set(next);
  localStorage.setItem(KEY, next);
  applyTheme();
}

function stored(): Theme {
  const text = localStorage.getItem(KEY);
  return THEMES.find((one) => one === text) ?? 'system';
}
