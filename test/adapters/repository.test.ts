import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Source } from '../../server/adapters/git/obtain.ts';
import { openRepository } from '../../server/adapters/git/repository.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { type Files, preparedRepository, sourceRepository, writeFiles } from '../rig/git.ts';
import { type Following, repositoryContract } from './repository-contract.ts';

async function following(source: Source, put: (files: Files) => Promise<unknown>): Promise<Following> {
  const { repository, stateDir } = await preparedRepository(source);
  const settings = { submodules: 'refuse', fetchTimeoutSeconds: 30, requireFastForward: false } as const;
  return {
    repository,
    open: () => openRepository({ ...settings, stateDir, source }),
    async put(files) {
      await put(files);
    },
  };
}

repositoryContract('a branch of a git repository', async () => {
  const { directory, commit } = await sourceRepository();
  return following({ kind: 'url', url: `file://${directory}`, branch: 'main' }, commit);
});

repositoryContract('a plain directory', async () => {
  const directory = join(await disposableDirectory(), 'trunk');
  await mkdir(directory);
  return following({ kind: 'directory', path: directory, update: null }, (files) => writeFiles(directory, files));
});
