// Builds the Debian packages: node packaging/deb.mjs [--out DIR] [--version VERSION] [--compress xz|zstd|gzip|none]
// It takes what `npm run build` made. SOURCE_DATE_EPOCH stamps everything, so that the same sources make the same packages;
// DEBFULLNAME and DEBEMAIL say who made them, as for Debian's own tools.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { clientPackage } from './client-package.mjs';
import { pack } from './pack.mjs';
import { serverPackage } from './server-package.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(ROOT, 'dist-deb') },
    version: { type: 'string' },
    compress: { type: 'string', default: 'xz' },
  },
});
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

const context = {
  root: ROOT,
  // A release candidate comes before its release. What is behind the hyphen counts packages of one release.
  version: `${(values.version ?? version).replace('-', '~')}-1`,
  epoch: epoch(),
  maintainer: `${process.env.DEBFULLNAME ?? 'Tagwave contributors'} <${process.env.DEBEMAIL ?? 'tagwave@localhost'}>`,
  architecture: execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim(),
};

mkdirSync(values.out, { recursive: true });
for (const make of [clientPackage, serverPackage]) {
  const tree = mkdtempSync(join(tmpdir(), 'tagwave-deb-'));
  try {
    const control = make(tree, context);
    const file = pack(tree, control, { ...context, out: values.out, compress: values.compress });
    process.stdout.write(`${file}\n`);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

/** When the sources were changed last, in seconds since 1970. */
function epoch() {
  if (process.env.SOURCE_DATE_EPOCH !== undefined) return Number(process.env.SOURCE_DATE_EPOCH);
  try {
    const options = { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    return Number(execFileSync('git', ['log', '-1', '--format=%ct'], options));
  } catch {
    return Math.floor(Date.now() / 1000);
  }
}
