import { useEffect } from 'preact/hooks';
import { pageAt } from './pages.tsx';
import { Empty } from './parts/states.tsx';
import { usePlace } from './place.ts';
import { hrefOf, type Place } from './router.ts';
import { useStore } from './store.ts';
import { nextTheme, theme } from './theme.ts';

/** What is around every page. */
export function Layout() {
  const place = usePlace();
  const page = pageAt(place);
  const title = page?.title ?? 'Not found';
  useEffect(() => {
    document.title = `${title} · Tagwave`;
  }, [title]);
  const View = page?.view;
  return (
    <>
      <button type="button" class="skip" onClick={focusMain}>
        Skip to content
      </button>
      <header class="top">
        <a class="brand" href={hrefOf([])}>
          Tagwave
        </a>
        <Navigation place={place} />
        <ThemeButton />
      </header>
      <main id="main" tabIndex={-1}>
        {View === undefined ? <NotFound /> : <View key={place.path.join('/')} place={place} />}
      </main>
    </>
  );
}

const SECTIONS = [
  { path: [], name: 'Map' },
  { path: ['nodes'], name: 'Nodes' },
  { path: ['tags'], name: 'Tags' },
  { path: ['events'], name: 'Events' },
  { path: ['problems'], name: 'Problems' },
  { path: ['api'], name: 'API' },
] as const;

function Navigation({ place }: { readonly place: Place }) {
  return (
    <nav aria-label="Pages">
      {SECTIONS.map(({ path, name }) => (
        <a key={name} href={hrefOf(path)} aria-current={place.path[0] === path[0] ? 'page' : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}

function ThemeButton() {
  const chosen = useStore(theme);
  return (
    <button type="button" class="plain" onClick={nextTheme}>
      Theme: {chosen}
    </button>
  );
}

function NotFound() {
  return (
    <Empty title="There is nothing here">
      <p>
        The <a href={hrefOf([])}>train map</a> shows what runs where.
      </p>
    </Empty>
  );
}

/** No link: the part of the URL after # says which page this is. */
function focusMain(): void {
  document.getElementById('main')?.focus();
}
