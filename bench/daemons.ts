import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { GIT_ENVIRONMENT } from './source.ts';

/** A peer's own server, with what it serves. */
export interface Daemon {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startRsyncDaemon(work: string, directory: string): Promise<Daemon> {
  const port = await freePort();
  const config = join(work, 'rsyncd.conf');
  const lines = [`pid file = ${join(work, 'rsyncd.pid')}`, 'use chroot = no', '[plain]', `path = ${directory}`];
  await writeFile(config, `${lines.join('\n')}\nread only = yes\n${asRoot()}`);
  const args = ['--daemon', '--no-detach', `--config=${config}`, '--address=127.0.0.1', `--port=${port}`];
  return start('rsync', args, { port, url: `rsync://127.0.0.1:${port}/plain/` });
}

/** Otherwise it would read as nobody. */
function asRoot(): string {
  return process.getuid?.() === 0 ? 'uid = 0\ngid = 0\n' : '';
}

export async function startGitDaemon(repository: string): Promise<Daemon> {
  const port = await freePort();
  // `git daemon` would only wait for the one that works.
  const program = join((await execa('git', ['--exec-path'])).stdout, 'git-daemon');
  const how = ['--reuseaddr', '--export-all', '--listen=127.0.0.1', `--port=${port}`, `--base-path=${repository}`];
  return start(program, how, { port, url: `git://127.0.0.1:${port}/` });
}

/** One worker, as is its default, which is given a core of its own to choose by the system; nothing is logged. */
export async function startNginx(work: string, name: string, location: string): Promise<Daemon> {
  const port = await freePort();
  const home = join(work, name);
  await mkdir(home);
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${home}/${kind};`,
  );
  const server = `server { listen 127.0.0.1:${port}; ${location} }`;
  const http = `http { access_log off; ${places.join(' ')} ${server} }`;
  const main = `daemon off; worker_processes 1; pid ${home}/pid; error_log ${home}/errors;`;
  await writeFile(join(home, 'nginx.conf'), `${asRootUser()}${main}\nevents {}\n${http}\n`);
  const args = ['-p', home, '-c', join(home, 'nginx.conf')];
  return start('nginx', args, { port, url: `http://127.0.0.1:${port}` });
}

/** Otherwise its worker would read as nobody. */
function asRootUser(): string {
  return process.getuid?.() === 0 ? 'user root; ' : '';
}

/** Whether a peer is installed. Debian keeps some where only root looks for them. */
export async function isInstalled(command: string): Promise<boolean> {
  const { code } = await execa(command, ['--help'], { env: PATHS, reject: false });
  return code !== 'ENOENT';
}

const PATHS = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };

async function start(command: string, args: readonly string[], at: { port: number; url: string }): Promise<Daemon> {
  const child = execa(command, args, {
    env: { ...GIT_ENVIRONMENT, ...PATHS },
    stdio: ['ignore', 'ignore', 'pipe'],
    reject: false,
  });
  const kill = () => child.kill('SIGKILL');
  process.prependOnceListener('exit', kill);
  for (let tries = 0; !(await listens(at.port)); tries++) {
    if (child.exitCode !== null || tries === 200)
      throw new Error(`${command} does not listen: ${(await child).stderr}`);
    await delay(25);
  }
  if (child.pid === undefined) throw new Error(`${command} has no process id`);
  return {
    url: at.url,
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM');
      await child;
      process.off('exit', kill);
    },
  };
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
