import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { versionOfBuild } from '../../protocol/release.ts';
import type { ClientBuild, ClientFiles } from '../ports/content.ts';

const BEGINNING_BYTES = 512;

/**
 * The client and its installer in a directory. Both are read at the first call and stay as they were, so that what was hashed
 * is what is given out while somebody installs a newer server over this one. What is missing then is looked for again.
 */
export function openClientBuild(directory: string): ClientBuild {
  let found: Promise<ClientFiles | undefined> | undefined;
  return {
    async find() {
      found ??= read(directory);
      const files = await found;
      if (files === undefined) found = undefined;
      return files;
    },
  };
}

async function read(directory: string): Promise<ClientFiles | undefined> {
  const [content, installer] = await Promise.all([
    readOrNothing(join(directory, 'tagwave.cjs')),
    readOrNothing(join(directory, 'install.sh')),
  ]);
  if (content === undefined || installer === undefined) return undefined;
  const version = versionOfBuild(content.toString('utf8', 0, BEGINNING_BYTES));
  if (version === undefined) return undefined;
  const sha256 = createHash('sha256').update(content).digest('hex');
  return {
    release: { version, sha256, size: content.length, node: '>=18' },
    content,
    installer: installer.toString('utf8'),
  };
}

async function readOrNothing(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch {
    return undefined;
  }
}
