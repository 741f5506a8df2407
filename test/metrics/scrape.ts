/** What a server shows Prometheus. */
export interface Scraped {
  readonly text: string;
  readonly type: string;
  /** With their labels, without their values. */
  readonly series: readonly string[];
}

export async function metricsOf(
  { url }: { readonly url: string },
  headers: Readonly<Record<string, string>> = {},
): Promise<Scraped> {
  const answer = await fetch(`${url}/metrics`, { headers });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status}: ${text}`);
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return {
    text,
    type: answer.headers.get('content-type') ?? '',
    series: series.map((line) => line.slice(0, line.lastIndexOf(' '))).sort(),
  };
}

/** The value of one series, by its labels in any order; undefined where there is none. */
export function shownValue(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  for (const line of text.split('\n')) {
    const [, found, inner = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (found !== name) continue;
    const own = Object.fromEntries([...inner.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text]));
    if (Object.keys(own).length !== Object.keys(labels).length) continue;
    if (Object.entries(labels).every(([key, text]) => own[key] === text)) return Number(value);
  }
  return undefined;
}
