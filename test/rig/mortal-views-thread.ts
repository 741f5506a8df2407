import { openRepository } from '../../server/adapters/git/repository.ts';
import { serveThread } from '../../server/adapters/thread-side.ts';
import { openViewJobs } from '../../server/adapters/views/jobs.ts';
import type { ViewsSetting } from '../../server/threads/views.ts';

/** The thread that makes views, and that ends when a test says so. */
function openMortal({ stateDir, repo, limits }: ViewsSetting) {
  const jobs = openViewJobs({ stateDir, limits }, openRepository({ stateDir, ...repo }));
  return { ...jobs, die: () => process.exit(1) };
}

export type MortalViews = ReturnType<typeof openMortal>;

serveThread(openMortal);
