import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleClient as bundleVersion } from '../../client/bundle.mjs';
import packageJson from '../../package.json' with { type: 'json' };

const ROOT = join(import.meta.dirname, '../..');

/** Builds the client as it is shipped, one file. */
export function bundleClient(outfile: string): Promise<void> {
  return bundleVersion(outfile, packageJson.version);
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
