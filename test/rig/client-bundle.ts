import { chmod, copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import packageJson from '../../package.json' with { type: 'json' };

const ROOT = join(import.meta.dirname, '../..');

/** Builds the client as it is shipped, one file, with the same options as build.mjs. */
export async function bundleClient(outfile: string): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    logLevel: 'warning',
    legalComments: 'none',
    entryPoints: ['client/main.ts'],
    outfile,
    format: 'cjs',
    target: 'node18',
    banner: { js: `#!/usr/bin/env node\n// tagwave ${packageJson.version}: the client in one file` },
  });
  await chmod(outfile, 0o755);
}

/** What a built server has beside it for hosts: the client and its installer. */
export async function releaseDirectory(directory: string): Promise<string> {
  await bundleClient(join(directory, 'tagwave.cjs'));
  await copyFile(join(ROOT, 'client/install.sh'), join(directory, 'install.sh'));
  return directory;
}

/** The same client with another version. */
export async function copyAs(version: string, from: string, to: string): Promise<void> {
  const text = await readFile(from, 'utf8');
  const changed = text
    .replace(/^\/\/ tagwave \S+:/m, `// tagwave ${version}:`)
    .replace(/VERSION = "[^"]*"/, `VERSION = ${JSON.stringify(version)}`);
  if (changed === text) throw new Error(`${from} is no bundle of the client`);
  await writeFile(to, changed, { mode: 0o755 });
}
