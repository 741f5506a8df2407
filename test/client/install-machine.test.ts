import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { createToken } from '../../server/operations/tokens.ts';
import { serving } from '../http/serving.ts';
import { makeAuthority } from '../rig/certificates.ts';
import { bundleClient, releaseDirectory } from '../rig/client-bundle.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { tlsPlace } from '../tls/tls-serving.ts';
import { enrolmentServer } from './enrolment-server.ts';

/** A process that sees its own /etc, /usr/local and /var/lib: what it changes there is gone with it. */
const OWN_MACHINE = `set -eu
mkdir -p "$1/layers"
mount -t tmpfs tmpfs "$1/layers"
for directory in etc usr/local var/lib; do
  mkdir -p "$1/layers/$directory/upper" "$1/layers/$directory/work"
  mount -t overlay -o "lowerdir=/$directory,upperdir=$1/layers/$directory/upper,workdir=$1/layers/$directory/work" \\
    overlay "/$directory"
done
shift
exec "$@"
`;

/** Stands in for systemd, which does not run where tests do: remembers what is enabled, and what it was told. */
const SYSTEMCTL = `#!/bin/sh
directory=$(dirname "$0")
echo "$*" >>"$directory/told"
for unit in "$@"; do :; done
case $1 in
  is-enabled | is-active) [ -e "$directory/on.$unit" ] ;;
  enable) [ -e "/etc/systemd/system/$unit" ] && touch "$directory/on.$unit" ;;
  disable) [ -e "/etc/systemd/system/$unit" ] && rm -f "$directory/on.$unit" ;;
  show) cat "$directory/reload" 2>/dev/null || echo no ;;
  daemon-reload) rm -f "$directory/reload" ;;
esac
`;

interface Machine {
  /** Runs lines of a shell, in which `tagwave` is the client; answers what they print. */
  run(lines: string): Promise<string>;
  /** What systemd was told to change, in order. */
  told(): Promise<string[]>;
}

async function machine(): Promise<Machine | undefined> {
  const root = await disposableDirectory();
  const bin = join(root, 'bin');
  await mkdir(bin);
  const probe = await execa('unshare', ['--mount', 'sh', '-c', OWN_MACHINE, 'sh', root, 'true'], { reject: false });
  if (probe.exitCode !== 0) return undefined;
  await bundleClient(join(bin, 'tagwave'));
  await writeFile(join(bin, 'systemctl'), SYSTEMCTL);
  await chmod(join(bin, 'systemctl'), 0o755);
  return {
    async run(lines) {
      const { all } = await execa('unshare', ['--mount', 'sh', '-c', OWN_MACHINE, 'sh', root, 'sh', '-c', lines], {
        all: true,
        reject: false,
        env: { PATH: `${bin}:${process.env['PATH']}` },
      });
      return all;
    },
    async told() {
      const lines = (await readFile(join(bin, 'told'), 'utf8')).trimEnd().split('\n');
      return lines.filter((line) => /^(enable|disable|daemon-reload|try-restart)/.test(line));
    },
  };
}

test('on a machine with systemd a user is made, the timer is started once, and each way of asking takes the place of the one before', async (context) => {
  const here = await machine();
  if (here === undefined) return context.skip('takes root and a kernel that lets it mount');
  const said = await here.run(`
    tagwave install --systemd --server http://tagwave.example.com:8420
    echo ---
    tagwave install --systemd
    echo ---
    tagwave install --systemd --watch
    echo yes >"$(dirname "$(command -v systemctl)")/reload"
    tagwave install --systemd --watch
    echo ---
    tagwave install --cron
    stat -c '%U %a' /var/lib/tagwave
    echo ---
    tagwave install --uninstall --purge
    tagwave install --uninstall --purge
    ls -d /var/lib/tagwave /etc/tagwave /etc/cron.d/tagwave /etc/systemd/system/tagwave* 2>/dev/null
  `);
  expect(said.split('\n')).toEqual([
    'changed      user tagwave',
    'changed      /var/lib/tagwave',
    'changed      /etc/tagwave/client.yml',
    'changed      /etc/systemd/system/tagwave-poll.service',
    'changed      /etc/systemd/system/tagwave-poll.timer',
    'changed      systemctl enable --now tagwave-poll.timer',
    '---',
    'unchanged    user tagwave',
    'unchanged    /var/lib/tagwave',
    'unchanged    /etc/tagwave/client.yml',
    'unchanged    /etc/systemd/system/tagwave-poll.service',
    'unchanged    /etc/systemd/system/tagwave-poll.timer',
    'unchanged    systemctl enable --now tagwave-poll.timer',
    '---',
    'unchanged    user tagwave',
    'unchanged    /var/lib/tagwave',
    'unchanged    /etc/tagwave/client.yml',
    'changed      systemctl disable --now tagwave-poll.timer',
    'removed      /etc/systemd/system/tagwave-poll.service',
    'removed      /etc/systemd/system/tagwave-poll.timer',
    'changed      /etc/systemd/system/tagwave-watch.service',
    'changed      systemctl enable --now tagwave-watch.service',
    'unchanged    user tagwave',
    'unchanged    /var/lib/tagwave',
    'unchanged    /etc/tagwave/client.yml',
    'unchanged    /etc/systemd/system/tagwave-watch.service',
    'changed      systemctl daemon-reload',
    'unchanged    systemctl enable --now tagwave-watch.service',
    '---',
    'unchanged    user tagwave',
    'unchanged    /var/lib/tagwave',
    'unchanged    /etc/tagwave/client.yml',
    'changed      systemctl disable --now tagwave-watch.service',
    'removed      /etc/systemd/system/tagwave-watch.service',
    'changed      /etc/cron.d/tagwave',
    'tagwave 755',
    '---',
    'removed      /etc/cron.d/tagwave',
    'removed      /var/lib/tagwave',
    'removed      /etc/tagwave/client.yml',
    'removed      /etc/tagwave',
    "kept         user tagwave (files may still belong to it; 'userdel tagwave' removes it)",
    "kept         user tagwave (files may still belong to it; 'userdel tagwave' removes it)",
  ]);
  expect(await here.told()).toEqual([
    'enable --now tagwave-poll.timer',
    'disable --now tagwave-poll.timer',
    'enable --now tagwave-watch.service',
    'daemon-reload',
    'try-restart tagwave-watch.service',
    'disable --now tagwave-watch.service',
  ]);
});

test('what cannot be started, and a target that its user could not write, is told with what to do', async (context) => {
  const here = await machine();
  if (here === undefined) return context.skip('takes root and a kernel that lets it mount');
  const said = await here.run(`
    install -d -o root /var/lib/tagwave
    tagwave install --cron --server http://a || echo "exit $?"
    tagwave install --cron --server http://a --user root && cat /etc/cron.d/tagwave
    printf '#!/bin/sh\\necho "Failed to connect to bus" >&2; exit 1\\n' >"$(command -v systemctl)"
    tagwave install --systemd --user root --target /srv || echo "exit $?"
  `);
  expect(said).toContain('/var/lib/tagwave belongs to another user than tagwave, who is to write it\n');
  expect(said).toContain("Use 'chown -R tagwave: /var/lib/tagwave', or --user with its owner.\nexit 1\n");
  expect(said).toContain('\n*/10 * * * *  root  tagwave poll --splay 540\n');
  expect(said).toContain('systemctl enable --now tagwave-poll.timer failed (exit 1: Failed to connect to bus)\n');
  expect(said).toMatch(/\nexit 1$/);
});

test('in place it runs as root, without being told so', async (context) => {
  const here = await machine();
  if (here === undefined) return context.skip('takes root and a kernel that lets it mount');
  const said = await here.run(`
    tagwave install --cron --server http://a --root / >/dev/null
    tail -n 1 /etc/cron.d/tagwave
    tail -n 2 /etc/tagwave/client.yml
  `);
  expect(said).toBe('*/10 * * * *  root  tagwave poll --splay 540\nserver: "http://a"\nroot: "/"');
});

test('a host is enrolled as it is installed, before anything is started, with a token that belongs to whoever polls', async (context) => {
  const here = await machine();
  if (here === undefined) return context.skip('takes root and a kernel that lets it mount');
  const server = await enrolmentServer();
  const join = `twj_${'j'.repeat(43)}`;
  server.joinTokens.add(join);
  const files = await disposableDirectory();
  await writeFile(`${files}/join-token`, join, { mode: 0o600 });
  await writeFile(`${files}/ca.pem`, (await makeAuthority()).certificate);
  const install = `tagwave install --cron --server ${server.url} --hostname web1`;
  const said = await here.run(`
    umask 000
    ${install} || echo "exit $?"
    ls /etc/cron.d/tagwave /var/lib/tagwave/token 2>/dev/null
    echo ---
    ${install} --ca ${files}/ca.pem --join-token-file ${files}/join-token --dry-run
    echo ---
    ${install} --join-token-file ${files}/join-token
    echo ---
    tagwave install --cron
    stat -c '%n %U:%G %a' /var/lib/tagwave/* /etc/tagwave /etc/tagwave/*
    install -m 755 "$(command -v tagwave)" /usr/local/bin/tagwave
    su -s /bin/sh tagwave -c 'PATH=/usr/local/bin:/usr/bin:/bin tagwave poll --verbose' || echo "exit $?"
    tagwave install --uninstall --purge >/dev/null
    ls -d /var/lib/tagwave /etc/tagwave 2>/dev/null
  `);
  const [digest = ''] = server.active;
  const id = digest.slice(0, 16);
  expect(said.split('\n')).toEqual([
    'changed      user tagwave',
    'changed      /var/lib/tagwave',
    'changed      /etc/tagwave/client.yml',
    'tagwave: the server lets nobody in who shows nothing',
    '  Give the join token of whoever looks after the server: --join-token-file FILE.',
    'exit 1',
    '---',
    'unchanged    user tagwave',
    'unchanged    /var/lib/tagwave',
    'kept         /etc/tagwave/client.yml (it was there before, and says something else)',
    'would change /var/lib/tagwave/token',
    'would change /etc/cron.d/tagwave',
    '---',
    'unchanged    user tagwave',
    'unchanged    /var/lib/tagwave',
    'unchanged    /etc/tagwave/client.yml',
    `changed      /var/lib/tagwave/token (its id is ${id})`,
    'changed      /etc/cron.d/tagwave',
    '---',
    'unchanged    user tagwave',
    'unchanged    /var/lib/tagwave',
    'unchanged    /etc/tagwave/client.yml',
    'unchanged    /var/lib/tagwave/token',
    'unchanged    /etc/cron.d/tagwave',
    '/var/lib/tagwave/token tagwave:tagwave 600',
    expect.stringMatching(/^\/etc\/tagwave root:root 7/),
    '/etc/tagwave/client.yml root:root 644',
    expect.stringContaining('answers: hold'),
    expect.stringContaining('web1: held'),
    expect.stringContaining('Nothing was changed'),
    'exit 4',
  ]);
});

test('the CA that is given is copied to where whoever polls can read it, and written down', async (context) => {
  const here = await machine();
  if (here === undefined) return context.skip('takes root and a kernel that lets it mount');
  const files = await disposableDirectory();
  await writeFile(`${files}/ca.pem`, (await makeAuthority()).certificate, { mode: 0o600 });
  const said = await here.run(`
    tagwave install --cron --server http://tagwave.example.com --ca ${files}/ca.pem --token-file /etc/tagwave/token >/dev/null
    cmp ${files}/ca.pem /etc/tagwave/ca.pem && stat -c '%U %a' /etc/tagwave/ca.pem
    tail -n 2 /etc/tagwave/client.yml
    tagwave install --cron | grep ca.pem
    tagwave install --uninstall --purge | grep ca.pem
  `);
  expect(said.split('\n')).toEqual([
    'root 644',
    'token-file: "/etc/tagwave/token"',
    'ca: "/etc/tagwave/ca.pem"',
    'removed      /etc/tagwave/ca.pem',
  ]);
});

test('two commands install a host at a server with a CA of its own, which lets in who has the join token', async (context) => {
  const here = await machine();
  if (here === undefined) return context.skip('takes root and a kernel that lets it mount');
  const place = await tlsPlace();
  const files = await disposableDirectory();
  const clientDirectory = await releaseDirectory(join(files, 'release'));
  const server = await serving({
    settings: { ...place.settings, 'auth.nodes': 'tokens', 'auth.joining': 'join-token' },
    clientDirectory,
  });
  const created = await createToken(server.app.context, {
    ...{ kind: 'join', hosts: 'web1', groups: [], uses: 1, expiresAt: null, mostNames: 10 },
    ...{ actor: { by: 'ana', from: 'command line' } },
  });
  if (!created.ok) throw new Error(created.sentence);
  await writeFile(join(files, 'join-token'), created.value.token, { mode: 0o600 });
  await writeFile(join(files, 'ca.pem'), place.authority.certificate);
  const url = server.url.replace('127.0.0.1', 'localhost');
  const said = await here.run(`
    cd ${files}
    curl -fsS --cacert ca.pem ${url}/install.sh |
      sh -s -- --ca ca.pem --join-token-file join-token --hostname web1 --cron
    echo ---
    curl -fsS --cacert /etc/tagwave/ca.pem ${url}/install.sh | TAGWAVE_JOIN_TOKEN_FILE=join-token sh -s -- --hostname web1 --cron
    echo ---
    /usr/local/bin/tagwave update --check
    /usr/local/bin/tagwave poll
    cat /var/lib/tagwave/current/etc/motd
    curl -fsS ${url}/install.sh 2>/dev/null | wc -c
  `);
  const lines = said.split('\n').map((line) => line.replace(/its id is [0-9a-f]{16}/, 'its id is ID'));
  expect(lines).toEqual([
    expect.stringMatching(/^changed {6}\/usr\/local\/bin\/tagwave /),
    'changed      user tagwave',
    'changed      /var/lib/tagwave',
    'changed      /etc/tagwave/ca.pem',
    'changed      /etc/tagwave/client.yml',
    'changed      /var/lib/tagwave/token (its id is ID)',
    'changed      /etc/cron.d/tagwave',
    '---',
    expect.stringMatching(/^unchanged {4}\/usr\/local\/bin\/tagwave /),
    'unchanged    user tagwave',
    'unchanged    /var/lib/tagwave',
    expect.stringMatching(/^(unchanged|kept) .*client\.yml/),
    'unchanged    /var/lib/tagwave/token',
    'unchanged    /etc/cron.d/tagwave',
    '---',
    expect.stringContaining('is what https://localhost'),
    expect.stringContaining('web1: now on'),
    expect.stringContaining('hello at'),
    '0',
  ]);
  expect(said).not.toContain(created.value.token.slice(4));
});
