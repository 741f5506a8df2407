import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip, constants as zlib } from 'node:zlib';
import type { PageBuild, PageFile, PageFiles } from '../ports/content.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/**
 * The page in a directory: index.html and assets/. All is read and compressed at the first call and stays as it was, so that the
 * document and what it names belong together while somebody installs a newer server over this one. What is missing then is
 * looked for again.
 */
export function openPageBuild(directory: string): PageBuild {
  let found: Promise<PageFiles | undefined> | undefined;
  return {
    async find() {
      found ??= read(directory);
      const files = await found;
      if (files === undefined) found = undefined;
      return files;
    },
  };
}

async function read(directory: string): Promise<PageFiles | undefined> {
  try {
    const names = await readdir(join(directory, 'assets'));
    const known = names.filter((name) => TYPES[extname(name)] !== undefined);
    const [index, ...assets] = await Promise.all(
      ['index.html', ...known.map((name) => join('assets', name))].map(packed),
    );
    if (index === undefined) return undefined;
    return { index, assets: new Map(assets.map((asset, at) => [known[at] ?? '', asset])) };
  } catch {
    return undefined;
  }

  async function packed(name: string): Promise<PageFile> {
    const content = await readFile(join(directory, name));
    const best = { params: { [zlib.BROTLI_PARAM_SIZE_HINT]: content.length } };
    const [br, gz] = await Promise.all([
      promisify(brotliCompress)(content, best),
      promisify(gzip)(content, { level: 9 }),
    ]);
    const sha256 = createHash('sha256').update(content).digest('hex');
    return { type: TYPES[extname(name)] ?? '', sha256, content, br, gzip: gz };
  }
}
