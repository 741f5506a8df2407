import { useStore } from './store.ts';
import { nextTheme, theme } from './theme.ts';

const SIGNS = { system: '◐', light: '○', dark: '●' } as const;

export function ThemeButton() {
  const chosen = useStore(theme);
  return (
    <button
      type="button"
      class="plain"
      title={`Colours: ${chosen}`}
      aria-label={`Colours: ${chosen}. Change`}
      onClick={nextTheme}
    >
      <span aria-hidden="true">{SIGNS[chosen]}</span>
    </button>
  );
}
