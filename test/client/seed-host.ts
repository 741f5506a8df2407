import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestView } from './serve-view.ts';

/** Leaves a target as a run would that put these files into use, without the cost of one. Only plain files. */
export async function seedHost(target: string, view: TestView, files: Readonly<Record<string, string>>): Promise<void> {
  const name = view.digest.slice('sha256:'.length).slice(0, 16);
  for (const [path, content] of Object.entries(files)) {
    const file = join(target, 'releases', name, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content, { mode: 0o644 });
  }
  await mkdir(join(target, 'manifests'));
  await writeFile(join(target, 'manifests', name), view.manifest);
  await symlink(`releases/${name}`, join(target, 'current'));
}
