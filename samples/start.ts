// `npm start`: a base in ./base on a sample repository, its past hours filled in, and the server on it.
import { existsSync } from 'node:fs';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { makeSampleRepository } from './sample-repository.ts';

const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));
const SERVER = join(PROJECT, 'dist', 'tagwave-server.js');
const BACKFILL_HOURS = 10;

const SERVER_YML = `# Written by "npm start". All settings, with their reasons, are in samples/server.yml.
log: { level: warn }  # so that the lines to paste can be seen
http:
  # Lets whoever reaches this machine's loopback change things over HTTP: every local user, and everybody whom a plain
  # reverse proxy on this machine lets through, counts as the operator. Fine for a first look; leave it out in earnest.
  local_changes: true
`;

await main();

async function main(): Promise<void> {
  const base = resolve('base');
  if (!existsSync(base)) await makeBase(base);
  const server = execa(SERVER, ['serve', '--base', base], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
    reject: false,
    buffer: false,
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => server.kill(signal));
  for await (const line of server) {
    process.stdout.write(`${line}\n`);
    if (line.startsWith('http://')) process.stdout.write(await introduction(line, base));
  }
  process.exitCode = (await server).exitCode ?? 1;
}

/** Made under another name first: an interrupted start begins anew instead of going on with half a base. */
async function makeBase(base: string): Promise<void> {
  const fresh = `${base}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh);
  for (const file of ['schedule.yml', 'nodes.yml', 'nodegroups.yml', 'pins', 'tagstate']) {
    await cp(join(PROJECT, 'samples', 'base', file), join(fresh, file));
  }
  await writeFile(join(fresh, 'server.yml'), SERVER_YML);
  await makeSampleRepository(join(PROJECT, 'samples'), join(fresh, 'trunk'), Date.now());
  const filled = await execa(SERVER, ['snapshot', '--backfill', String(BACKFILL_HOURS), '--base', fresh], {
    stdio: ['ignore', 'ignore', 'inherit'],
    reject: false,
  });
  if (filled.exitCode !== 0) throw new Error('the sample base could not be made; the lines above say why');
  await rename(fresh, base);
}

/** What to paste, with the tag that production has now. */
async function introduction(url: string, base: string): Promise<string> {
  const host = 'web2.example.com';
  const ask = `curl -s ${url}/v1/nodes/${host}`;
  const answer = await fetch(`${url}/v1/nodes/${host}`, { headers: { accept: 'text/plain' } });
  const tag = answer.ok ? (await answer.text()).trim().replace('tags/', '') : 'TAG';
  const command = `npx tagwave-server`;
  const at = `--base ${relative(process.cwd(), base) || '.'}`;
  return `
Paste these into another terminal, in this directory:

  # 1. a production host asks for its tag, and is told why it gets this one
  ${ask}

  # 2. mark that tag bad: the host steps back to the one before
  ${command} mark ${tag} bad --reason "broke ntp" ${at} && ${ask}

  # 3. stop everything
  ${command} kill --message "hold on, looking into ntp" ${at} && ${ask}

To go on afterwards: ${command} resume ${at}; ${command} mark ${tag} none ${at}
The configuration is a git repository in ${relative(process.cwd(), join(base, 'trunk'))}: commit there, and the next hour has it.
Press Ctrl-C to stop.
`;
}
