/** What a host says of itself: names and values that layers and templates may go by, never who gets a secret. */
export type Facts = Readonly<Record<string, string>>;

const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,99}$/;
const VALUE_LIMIT = 1000;

/** As in `site=berlin`; undefined for a name or value that no report can carry. */
export function parseFact(text: string): string | undefined {
  const { name, value } = partsOf(text);
  const isValue = value !== undefined && value.length <= VALUE_LIMIT && !/\p{Cc}/u.test(value);
  return isValue && NAME.test(name) ? text : undefined;
}

function partsOf(text: string): { readonly name: string; readonly value: string | undefined } {
  const cut = text.indexOf('=');
  return cut === -1 ? { name: text, value: undefined } : { name: text.slice(0, cut), value: text.slice(cut + 1) };
}

/** What was found on the machine, and what its settings say: these count where both name the same. In order of name. */
export function factsOf(found: Facts, given: readonly string[]): Facts {
  const all = new Map(Object.entries(found));
  for (const text of given) {
    const { name, value = '' } = partsOf(text);
    all.set(name, value);
  }
  return Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function isSameFacts(a: Facts, b: Facts): boolean {
  const entries = Object.entries(a);
  return entries.length === Object.keys(b).length && entries.every(([name, value]) => b[name] === value);
}

/** The lines `NAME=VALUE` of os-release(5), with the shell's quotes and escapes taken off. */
export function parseOsRelease(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name = '', raw = ''] = /^\s*([A-Z][A-Z0-9_]*)=(.*?)\s*$/.exec(line) ?? [];
    if (name !== '') values.set(name, unquoted(raw));
  }
  return values;
}

function unquoted(raw: string): string {
  const quote = raw.charAt(0);
  const isQuoted = (quote === '"' || quote === "'") && raw.length > 1 && raw.endsWith(quote);
  const inner = isQuoted ? raw.slice(1, -1) : raw;
  return quote === "'" ? inner : inner.replace(/\\(.)/g, '$1');
}
