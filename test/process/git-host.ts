import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import { makeAuthority } from '../rig/certificates.ts';
import { disposableDirectory } from '../rig/disposable.ts';

export interface GitHost {
  /** `https://localhost:PORT/config.git` */
  readonly url: string;
  /** The file of who signed its certificate, for git. */
  readonly ca: string;
  /** Whom it answers from now on. */
  login: string;
  /** The command lines of all processes of this machine as they stood when it was asked. */
  readonly commandLines: Set<string>;
  /** What it was sent as `Authorization`. */
  readonly shown: Set<string>;
  /** Where it leads everybody to; null = nowhere. */
  redirect: string | null;
}

/** A repository behind HTTPS that wants a login, as files, which git takes, too. */
export async function gitHost(repository: string, login: string): Promise<GitHost> {
  const directory = await disposableDirectory();
  await execa('git', ['clone', '--quiet', '--bare', repository, join(directory, 'config.git')]);
  await execa('git', ['--git-dir', join(directory, 'config.git'), 'update-server-info']);
  const authority = await makeAuthority('Git');
  const { certificate, key } = await authority.issue({ name: 'localhost' });
  const ca = await fileOf(directory, authority.certificate);
  const host = {
    url: '',
    ca,
    login,
    commandLines: new Set<string>(),
    shown: new Set<string>(),
    redirect: null as string | null,
  };
  const server = createServer({ cert: certificate, key }, async (request, response) => {
    for (const line of await allCommandLines()) host.commandLines.add(line);
    const { authorization } = request.headers;
    if (authorization !== undefined) host.shown.add(authorization);
    if (host.redirect !== null) return response.writeHead(302, { location: `${host.redirect}${request.url}` }).end();
    if (authorization !== `Basic ${Buffer.from(host.login).toString('base64')}`)
      return response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    const path = new URL(request.url ?? '/', 'https://localhost').pathname;
    const content = await readFile(join(directory, path)).catch(() => undefined);
    return response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(host, { url: `https://localhost:${(server.address() as AddressInfo).port}/config.git` });
}

async function fileOf(directory: string, text: string): Promise<string> {
  await chmod(directory, 0o755);
  await writeFile(join(directory, 'ca.pem'), text);
  return join(directory, 'ca.pem');
}

/** As `ps` shows them to everybody. */
async function allCommandLines(): Promise<string[]> {
  const numbers = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return Promise.all(numbers.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
}
