// Bundles the commands into dist/. The server keeps its dependencies in node_modules (better-sqlite3 is native);
// the client becomes one file that runs with nothing but Node 18 or newer beside it.
import { chmod, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const shebang = '#!/usr/bin/env node\n';
const common = { bundle: true, platform: 'node', logLevel: 'warning', sourcemap: false, legalComments: 'none' };

await rm('dist', { recursive: true, force: true });
await Promise.all([
  build({
    ...common,
    entryPoints: {
      'tagwave-server': 'server/main.ts',
      start: 'samples/start.ts',
      demo: 'samples/demo.ts',
      bench: 'bench/main.ts',
    },
    outdir: 'dist',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    splitting: true,
    banner: { js: shebang },
  }),
  build({
    ...common,
    entryPoints: { tagwave: 'client/main.ts' },
    outdir: 'dist',
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    target: 'node18',
    banner: { js: shebang },
  }),
]);
await Promise.all(['dist/tagwave-server.js', 'dist/tagwave.cjs'].map((file) => chmod(file, 0o755)));
