/** A state of the page, as the part of its URL after `#` says it: `#/nodes/web1?at=…` is `['nodes', 'web1']` with `{ at: … }`. */
export interface Place {
  readonly path: readonly string[];
  readonly query: Query;
}

export type Query = Readonly<Record<string, string>>;

/** What cannot be understood is left out: every text leads somewhere. */
export function parsePlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split(/\?(.*)/s);
  return {
    path: path.split('/').filter(Boolean).map(decoded),
    query: Object.fromEntries([...new URLSearchParams(query)].filter(([, value]) => value !== '')),
  };
}

/** The URL of a place, to be used as a link. Parts of the query that are undefined or empty are left out. */
export function hrefOf(path: readonly string[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = given.map(([key, value]) => `${encodeURIComponent(key)}=${encoded(value ?? '')}`).join('&');
  return `#/${path.map(encoded).join('/')}${text === '' ? '' : `?${text}`}`;
}

/** The same place with some of its query changed; undefined takes a key out. */
export function hrefWith({ path, query }: Place, changes: Readonly<Record<string, string | undefined>>): string {
  return hrefOf(path, { ...query, ...changes });
}

/** Names of tags, times and lists stay legible. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/%3A|%2C|%40/g, decodeURIComponent);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
