import { execa } from 'execa';
import { GIT_ENVIRONMENT } from './source.ts';
import { stopwatch } from './stopwatch.ts';

/** What git alone takes to have a commit and a name for it: no lock, no check, no record. */
export interface BareGit {
  /** `git fetch` and `git update-ref refs/tags/NAME`. Milliseconds. */
  fetchAndName(name: string): Promise<number>;
}

const TIP = 'refs/heads/tip';

/** A bare repository as `git init` makes it, that follows `main` of a source. */
export async function makeBareGit(directory: string, source: string): Promise<BareGit> {
  const git = (...args: string[]) => execa('git', ['--git-dir', directory, ...args], { env: GIT_ENVIRONMENT });
  await git('init', '--quiet', '--bare');
  return {
    async fetchAndName(name) {
      const taking = stopwatch();
      await git('fetch', '--quiet', '--no-tags', '--no-auto-maintenance', source, `+refs/heads/main:${TIP}`);
      await git('update-ref', `refs/tags/${name}`, TIP);
      return taking.ms();
    },
  };
}
