import { useEffect } from 'preact/hooks';
import { Dialogs } from './dialogs.tsx';
import { KillBanners } from './kill/banners.tsx';
import { LinkBar } from './link-bar.tsx';
import { Navigation } from './navigation.tsx';
import { pageAt } from './pages.tsx';
import { Empty } from './parts/states.tsx';
import { goWith, usePlace } from './place.ts';
import { hrefOf } from './router.ts';
import { refused } from './session.ts';
import { SignIn } from './sign-in.tsx';
import { useStore } from './store.ts';
import { ThemeButton } from './theme-button.tsx';
import { Who } from './who-menu.tsx';

/** What is around every page. */
export function Layout() {
  const place = usePlace();
  const refusal = useStore(refused);
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
        <span class="top-actions">
          <Who />
          <ThemeButton />
          {refusal === null ? (
            <button type="button" class="stop kill" onClick={() => goWith({ kill: 'all' })}>
              <span class="kill-sign" aria-hidden="true" />
              Stop…
            </button>
          ) : null}
        </span>
      </header>
      {refusal === null ? <KillBanners /> : null}
      {refusal === null ? <LinkBar /> : null}
      <main id="main" tabIndex={-1}>
        {refusal !== null ? (
          <SignIn failure={refusal} />
        ) : View === undefined ? (
          <NotFound />
        ) : (
          <View key={place.path.join('/')} place={place} />
        )}
      </main>
      {refusal === null ? <Dialogs place={place} /> : null}
    </>
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
