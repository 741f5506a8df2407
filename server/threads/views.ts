import { openRepository, type RepositoryOptions } from '../adapters/git/repository.ts';
import { serveThread } from '../adapters/thread-side.ts';
import { openViewJobs } from '../adapters/views/jobs.ts';
import type { Limits } from '../adapters/views/limits.ts';

export interface ViewsSetting {
  readonly stateDir: string;
  readonly repo: Omit<RepositoryOptions, 'stateDir'>;
  readonly limits: Limits;
}

serveThread(({ stateDir, repo, limits }: ViewsSetting) =>
  openViewJobs({ stateDir, limits }, openRepository({ stateDir, ...repo })),
);
