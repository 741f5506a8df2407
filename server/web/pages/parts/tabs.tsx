interface Tab {
  readonly key: string;
  readonly title: string;
  readonly href: string;
  readonly count?: number | undefined;
}

/** Parts of a page of which one is shown; each has a URL, so they are links. */
export function Tabs({
  title,
  tabs,
  current,
}: {
  readonly title: string;
  readonly tabs: readonly Tab[];
  readonly current: string;
}) {
  return (
    <nav class="tabs" aria-label={title}>
      {tabs.map(({ key, title: words, href, count }) => (
        <a key={key} href={href} aria-current={key === current ? 'true' : undefined}>
          {words}
          {count === undefined ? null : <span class="filter-count"> {count}</span>}
        </a>
      ))}
    </nav>
  );
}
