import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { bundlePage } from '../../server/web/bundle.mjs';

const ROOT = join(import.meta.dirname, '../..');
// Below the project, so that what is not bundled is found.
const CACHE = join(ROOT, 'node_modules/.cache/tagwave-test');
const SOURCES = ['server', 'protocol'];
const THREADS = 'server/threads';
const DAY_MS = 24 * 3_600_000;

let bundled: Promise<string> | undefined;

/** The path of `tagwave-server` as it is shipped, with the page beside it, made once for all test processes from the sources as they are now. */
export function serverBundle(): Promise<string> {
  bundled ??= make();
  return bundled;
}

async function make(): Promise<string> {
  const place = join(CACHE, fingerprint());
  const script = join(place, 'server.mjs');
  if (existsSync(script)) return script;
  mkdirSync(CACHE, { recursive: true });
  removeOldOnes();
  const draft = mkdtempSync(join(CACHE, 'draft-'));
  chmodSync(draft, 0o755);
  await Promise.all([bundleInto(draft), bundlePage(join(draft, 'web'))]);
  try {
    renameSync(draft, place);
  } catch {
    // Another test process was first, with the same.
    rmSync(draft, { recursive: true });
  }
  return script;
}

/** With the same options as build.mjs. */
function bundleInto(outdir: string): Promise<unknown> {
  return build({
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    logLevel: 'warning',
    legalComments: 'none',
    entryPoints: { server: 'server/main.ts', ...threadEntries() },
    outdir,
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    target: 'node20',
    external: ['better-sqlite3', 'express', 'winston'],
    splitting: true,
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
  });
}

function threadEntries(): Record<string, string> {
  const files = existsSync(join(ROOT, THREADS)) ? readdirSync(join(ROOT, THREADS)) : [];
  return Object.fromEntries(files.map((file) => [`threads/${file.slice(0, -'.ts'.length)}`, `${THREADS}/${file}`]));
}

/** Of every source file: name, size, and when it was changed. */
function fingerprint(): string {
  const hash = createHash('sha256');
  for (const directory of SOURCES) {
    const files = readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' }).sort();
    for (const file of files) {
      const { size, mtimeMs } = statSync(join(ROOT, directory, file));
      hash.update(`${directory}/${file} ${size} ${mtimeMs}\n`);
    }
  }
  return hash.digest('hex').slice(0, 16);
}

function removeOldOnes(): void {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (Date.now() - mtimeMs > DAY_MS) rmSync(path, { recursive: true, force: true });
  }
}
