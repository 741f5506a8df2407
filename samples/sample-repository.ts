import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { simpleGit } from 'simple-git';

const HOUR_MS = 3_600_000;

/** What was committed so many hours ago. */
const STORY: readonly {
  readonly hoursAgo: number;
  readonly subject: string;
  readonly file: string;
  readonly line: string;
}[] = [
  { hoursAgo: 7, subject: 'Say who to call in motd', file: 'etc/motd', line: 'On call: +1 555 0100' },
  { hoursAgo: 5, subject: 'Add a second time source', file: 'etc/ntp.conf', line: 'server time2.example.com iburst' },
  {
    hoursAgo: 4,
    subject: 'Announce the maintenance window',
    file: 'etc/motd',
    line: 'Maintenance on Sunday, 06:00 UTC',
  },
  { hoursAgo: 2, subject: 'Add a third time source', file: 'etc/ntp.conf', line: 'server time3.example.com iburst' },
];

/** A repository of configuration with some hours of history, each commit half an hour before its hour. */
export async function makeSampleRepository(samples: string, directory: string, now: number): Promise<void> {
  await mkdir(directory, { recursive: true });
  await cp(join(samples, 'config-repo'), directory, { recursive: true, verbatimSymlinks: true });
  const git = simpleGit(directory);
  await git.init(['--initial-branch', 'main']);
  await git.addConfig('user.name', 'Sample Admin');
  await git.addConfig('user.email', 'admin@example.com');
  await commit(directory, 'Begin with the configuration of the sample fleet', now - 12 * HOUR_MS);
  for (const { hoursAgo, subject, file, line } of STORY) {
    const path = join(directory, file);
    await writeFile(path, `${await readFile(path, 'utf8')}${line}\n`);
    await commit(directory, subject, Math.floor(now / HOUR_MS) * HOUR_MS - hoursAgo * HOUR_MS - HOUR_MS / 2);
  }
}

async function commit(directory: string, subject: string, at: number): Promise<void> {
  const date = new Date(at).toISOString();
  const { PATH, HOME } = process.env;
  const dates = { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
  const git = simpleGit({ baseDir: directory, allowEnvironment: Object.keys(dates) }).env({ PATH, HOME, ...dates });
  await git.add('.');
  await git.commit(subject);
}
