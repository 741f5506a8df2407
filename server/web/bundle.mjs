// The page as the server gives it out: one script and one style sheet with the hash of what is in them in their names, and the
// document that names them. Nothing in it comes from anywhere else.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Writes index.html and assets/ into a directory. */
export async function bundlePage(outdir) {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: { page: 'server/web/main.tsx' },
    outdir,
    entryNames: 'assets/[name]-[hash]',
    tsconfig: 'server/web/tsconfig.json',
    bundle: true,
    format: 'esm',
    target: ['es2022', 'chrome110', 'firefox110', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    write: false,
  });
  const nameOf = (ending) => basename(outputFiles.find(({ path }) => path.endsWith(ending)).path);
  const template = await readFile(join(ROOT, 'server/web/index.html'), 'utf8');
  const html = template.replace('page.css', nameOf('.css')).replace('page.js', nameOf('.js'));
  await mkdir(join(outdir, 'assets'), { recursive: true });
  for (const { path, contents } of outputFiles) await writeFile(path, contents);
  await writeFile(join(outdir, 'index.html'), html);
}
