// Writes what belongs beside the commands into a directory: manual pages, and what makes shells complete their words.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SHELLS, type Shell, scriptFor } from '../server/cli/completion-scripts.ts';
import { clientScript } from './completion.ts';
import { manuals } from './pages.ts';

/** As each shell finds them by themselves in its directory. */
const FILES: Readonly<Record<Shell, (program: string) => string>> = {
  bash: (program) => program,
  zsh: (program) => `_${program}`,
  fish: (program) => `${program}.fish`,
};

const [, , target = 'dist'] = process.argv;
const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
// A build of the same sources at another time may be told to be the same.
const epoch = process.env['SOURCE_DATE_EPOCH'];
const day = new Date(epoch === undefined ? Date.now() : Number(epoch) * 1000).toISOString().slice(0, 10);

await mkdir(join(target, 'man'), { recursive: true });
for (const { file, text } of manuals({ version, date: day })) await writeFile(join(target, 'man', file), text);
for (const shell of SHELLS) {
  const directory = join(target, 'completions', shell);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, FILES[shell]('tagwave-server')), scriptFor(shell, 'tagwave-server'));
  await writeFile(join(directory, FILES[shell]('tagwave')), clientScript(shell));
}
