// Bundles the commands into dist/. The server takes most of its dependencies in, because a command starts twice as fast from
// a few files as from hundreds; those that are native, or load their parts by name, stay in node_modules. The client becomes one file that runs with nothing but Node 18 or newer beside it.
import { execFile } from 'node:child_process';
import { chmod, copyFile, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { bundleClient } from './client/bundle.mjs';
import { bundlePage } from './server/web/bundle.mjs';

const { version } = JSON.parse(await readFile('package.json', 'utf8'));
const shebang = '#!/usr/bin/env node\n';
// Each is started by its name (server/adapters/thread.ts).
const threads = (await readdir('server/threads').catch(() => [])).map((file) => [
  `threads/${file.slice(0, -3)}`,
  `server/threads/${file}`,
]);
const common = { bundle: true, platform: 'node', logLevel: 'warning', sourcemap: false, legalComments: 'none' };

// Elsewhere for tests, which must not take away what is being used.
const out = process.argv[2] ?? 'dist';

await rm(out, { recursive: true, force: true });
await Promise.all([
  build({
    ...common,
    entryPoints: {
      'tagwave-server': 'server/main.ts',
      start: 'samples/start.ts',
      demo: 'samples/demo.ts',
      bench: 'bench/main.ts',
      fuzz: 'test/fuzz/main.ts',
      ...Object.fromEntries(threads),
    },
    outdir: out,
    format: 'esm',
    target: 'node20',
    external: ['better-sqlite3', 'express', 'fast-check', 'winston'],
    splitting: true,
    // CommonJS packages among the bundled ones ask for Node's own modules with require.
    banner: {
      js: `${shebang}import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);`,
    },
  }),
  bundleClient(join(out, 'tagwave.cjs'), version),
  bundlePage(join(out, 'web')),
]);
// Servers give it to hosts, beside the client.
await copyFile('client/install.sh', join(out, 'install.sh'));
await chmod(join(out, 'tagwave-server.js'), 0o755);
// Manual pages and completions tell of the commands as they are parsed: their sources are run, beside what is not bundled.
const manual = 'node_modules/.cache/tagwave-build/manual.mjs';
await build({
  ...common,
  entryPoints: ['manual/main.ts'],
  outfile: manual,
  format: 'esm',
  target: 'node20',
  external: ['better-sqlite3', 'express', 'winston'],
  banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
});
await promisify(execFile)(process.execPath, [manual, out]);
