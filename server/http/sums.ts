import type { ManifestEntry } from '../../protocol/manifest.ts';

/** A manifest, in pieces, as `sha256sum` would print it. Links have no line: `sha256sum --check` would follow them. */
export async function* sumsOf(manifest: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of manifest) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    yield lines.map(sumLine).join('');
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' };

/** Names that have a backslash or a line end are written as `sha256sum` does, with a backslash before the line. */
function sumLine(line: string): string {
  const { path, mode, sha256 } = JSON.parse(line) as ManifestEntry;
  if (mode === '120000') return '';
  const escaped = path.replace(/[\\\n\r]/g, (character) => ESCAPES[character] ?? character);
  return `${escaped === path ? '' : '\\'}${sha256}  ${escaped}\n`;
}
