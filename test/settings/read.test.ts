import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sentenceOf } from '../../server/core/problem.ts';
import { readSettings, type SettingsInputs } from '../../server/settings/read.ts';
import { settingsNeedingRestart } from '../../server/settings/restart.ts';
import type { Settings } from '../../server/settings/settings.ts';
import { anyText } from '../rig/any-text.ts';

interface Given {
  readonly text?: string | null;
  readonly env?: SettingsInputs['env'];
  readonly flags?: SettingsInputs['flags'];
}

const read = ({ text = null, env = {}, flags = {} }: Given) => readSettings({ base: '/etc/tagwave', text, env, flags });

function settings(given: Given): Settings {
  const result = read(given);
  if (!result.ok) throw new Error(result.errors.map(sentenceOf).join('\n'));
  return result.settings;
}

function errorsOf(given: Given): string[] {
  const result = read(given);
  return result.ok ? [] : result.errors.map(sentenceOf);
}

describe('settings', () => {
  test('all have defaults', () => {
    expect(settings({})).toEqual({
      listen: { host: '127.0.0.1', port: 8420 },
      workers: 1,
      stateDir: '/etc/tagwave/var',
      settleSeconds: 2,
      nodetagger: { kind: 'auto', path: '/etc/tagwave/nodetagger' },
      nodegrouper: { kind: 'auto', path: '/etc/tagwave/nodegrouper' },
      clientTags: 'any',
      repo: {
        source: { kind: 'directory', path: '/etc/tagwave/trunk', update: null },
        access: { tokenFile: null, sshKeyFile: null, sshKnownHostsFile: null },
        pollSeconds: 60,
        fetchTimeoutSeconds: 30,
        requireFastForward: false,
        submodules: 'refuse',
        signatures: null,
      },
      snapshot: { retentionHours: 720, keepAtLeast: 24 },
      tagstate: { repositoryMayApprove: false },
      views: { archiveCacheMebibytes: 4096, deltaCacheMebibytes: 256 },
      auth: { nodes: null, joining: 'join-token', rotationOverlapMinutes: 60, pendingHours: 72 },
      tls: null,
      http: {
        trustProxy: [],
        localChanges: false,
        localReads: true,
        publicUrl: null,
        bodyLimitKib: 256,
        maxConnections: 10_000,
        connectionsPerAddress: 2_000,
        headersTimeoutSeconds: 15,
        requestTimeoutSeconds: 60,
        keepAliveTimeoutSeconds: 65,
        maxWaitSeconds: 55,
      },
      limits: { nodeRequestsPerMinute: 600, addressRequestsPerMinute: 120_000, addressFailuresPerMinute: 300 },
      oidc: null,
      poll: { afterSeconds: 300 },
      fleet: { silentAfterMinutes: 60, forgetAfterDays: 30, mostNodes: 250_000 },
      store: { reportDays: 30, eventDays: 400 },
      notify: {
        targets: [],
        failureSpikeNodes: 3,
        failureSpikeMinutes: 15,
        timeoutSeconds: 10,
        keepMessages: 1000,
        keepHours: 72,
      },
      log: { level: 'info' },
      stop: { graceSeconds: 10 },
    });
    expect(settings({ text: '{}' })).toEqual(settings({}));
  });

  test('come from the file, the environment goes before it, and flags go before both', () => {
    const text = 'repo:\n  poll_seconds: 10\n  fetch_timeout_seconds: 11\nsettle_seconds: 0.5\nclient_tags: none\n';
    const env = { TAGWAVE_REPO_POLL_SECONDS: '20', TAGWAVE_SETTLE_SECONDS: '1.5', TAGWAVE_CLIENT_TAGS: 'good' };
    const all = settings({ text, env, flags: { client_tags: 'any', 'stop.grace_seconds': 3 } });
    expect(all).toMatchObject({
      repo: { pollSeconds: 20, fetchTimeoutSeconds: 11 },
      settleSeconds: 1.5,
      clientTags: 'any',
      stop: { graceSeconds: 3 },
    });
  });

  test('are taken from variables by their kind, and unknown or empty variables are left alone', () => {
    const env = {
      TAGWAVE_REPO_DIRECTORY: '/srv/conf',
      TAGWAVE_REPO_UPDATE: ' svn  update trunk ',
      TAGWAVE_HTTP_LOCAL_CHANGES: 'true',
      TAGWAVE_HTTP_LOCAL_READS: 'false',
      TAGWAVE_LISTEN: '',
      TAGWAVE_TAG: 'etchautotag-20261120-0800',
      TAGWAVE_BASE: '/elsewhere',
    };
    const { repo, http, listen } = settings({ env });
    expect(repo.source).toEqual({ kind: 'directory', path: '/srv/conf', update: ['svn', 'update', 'trunk'] });
    expect(http).toMatchObject({ localChanges: true, localReads: false });
    expect(listen).toEqual({ host: '127.0.0.1', port: 8420 });
    const quoted = settings({ env: { TAGWAVE_REPO_UPDATE: '["sh", "-c", "two words"]' } }).repo.source;
    expect(quoted).toMatchObject({ update: ['sh', '-c', 'two words'] });
  });

  test('have all their errors told at once, each naming its line, variable or flag', () => {
    const errors = errorsOf({
      text: 'listen: localhost\nrepos: {}\nrepo:\n  poll_second: 5\n  submodules: maybe\nhttp:\nlog: {level: loud}\n',
      env: {
        TAGWAVE_REPO_POLL_SECONDS: '1m',
        TAGWAVE_HTTP_LOCAL_READS: 'yes',
        TAGWAVE_CLIENT_TAGS: 'all',
        TAGWAVE_REPO_UPDATE: '[',
      },
      flags: { 'stop.grace_seconds': '-1', 'repo.branch': '--upload-pack=x' },
    });
    expect(errors).toEqual([
      'server.yml line 1: listen: expected HOST:PORT, such as 127.0.0.1:8420 or [::1]:8420, found "localhost"',
      expect.stringMatching(
        /^server.yml line 2: repos: expected one of the keys listen, .*found the unknown key "repos"; did you mean "repo"\?$/,
      ),
      expect.stringMatching(
        /^server.yml line 4: repo.poll_second: expected one of the keys url, .*did you mean "poll_seconds"\?$/,
      ),
      'server.yml line 5: repo.submodules: expected one of refuse, ignore, found "maybe"',
      'server.yml line 6: http: expected a mapping, found nothing',
      'server.yml line 7: log.level: expected one of error, warn, info, debug, found "loud"',
      'environment: TAGWAVE_CLIENT_TAGS: expected one of any, good, none, found "all"',
      'environment: TAGWAVE_REPO_UPDATE: expected a list of words, found "["',
      'environment: TAGWAVE_REPO_POLL_SECONDS: expected a whole number of seconds, 1 to 86400, found "1m"',
      'environment: TAGWAVE_HTTP_LOCAL_READS: expected true or false, found "yes"',
      'command line: --repo-branch: expected the name of a branch, found "--upload-pack=x"',
      'command line: --stop-grace-seconds: expected a whole number of seconds, 0 to 600, found "-1"',
    ]);
  });

  test('are not blamed for what an invalid file may have allowed', () => {
    const errors = errorsOf({ text: 'auth: {nodes: none}\nlog: 1', flags: { listen: '0.0.0.0:1' } });
    expect(errors).toEqual(['server.yml line 2: log: expected a mapping, found 1']);
  });

  test('have paths that start at the base', () => {
    const all = settings({
      text: 'state_dir: /var/lib/tagwave\nnodetagger: bin/tag.mjs\nnodegrouper: /opt/grouper\nrepo: {url: ../conf.git}\n',
    });
    expect(all).toMatchObject({
      stateDir: '/var/lib/tagwave',
      nodetagger: { kind: 'program', path: '/etc/tagwave/bin/tag.mjs' },
      nodegrouper: { kind: 'program', path: '/opt/grouper' },
      repo: { source: { kind: 'url', url: '/etc/conf.git', branch: null } },
    });
    expect(settings({ text: 'nodetagger: schedule\nnodegrouper: none' })).toMatchObject({
      nodetagger: { kind: 'schedule' },
      nodegrouper: { kind: 'none' },
    });
  });

  test.each([
    'https://git.example.com/c.git',
    'git@git.example.com:c.git',
    'ssh://git@h/c',
    'file:///srv/c.git',
    'host:c.git',
    '/srv/c.git',
  ])('leave the URL %s as it is', (url) => {
    expect(settings({ text: `repo: {url: "${url}", branch: release/1.0}` }).repo.source).toEqual({
      kind: 'url',
      url,
      branch: 'release/1.0',
    });
  });

  test('name one source: not both a url and a directory, wherever they are set', () => {
    expect(errorsOf({ text: 'repo:\n  url: https://h/c\n  directory: trunk\n' })).toEqual([
      'server.yml line 3: repo.directory: expected either repo.url or repo.directory, found it beside repo.url',
    ]);
    expect(errorsOf({ text: 'repo: {directory: trunk}', env: { TAGWAVE_REPO_URL: 'https://h/c' } })).toEqual([
      'server.yml line 1: repo.directory: expected either repo.url or repo.directory, found it beside TAGWAVE_REPO_URL',
    ]);
    expect(errorsOf({ text: 'repo: {url: c, update: [true]}' })[0]).toContain('repo.update');
    expect(errorsOf({ text: 'repo: {url: c, update: [svn]}' })[0]).toContain('repo.update: expected no command');
    expect(errorsOf({ text: 'repo: {branch: main}' })[0]).toContain('repo.branch: expected a repo.url');
    expect(errorsOf({ text: 'repo: {verify: ssh}' })[0]).toContain('repo.allowed_signers beside it');
    expect(errorsOf({ text: 'repo: {allowed_signers: signers}' })[0]).toContain('repo.verify beside it');
  });

  test.each([
    '0.0.0.0:8420',
    '[::]:8420',
    '192.0.2.1:0',
    'tagwave.example.com:80',
    '[::ffff:192.0.2.1]:1',
    '128.0.0.1:1',
  ])('refuse to listen on %s unless it is written out how nodes prove who they are', (listen) => {
    const errors = errorsOf({ text: `poll: {after_seconds: 5}\nlisten: "${listen}"` });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain('server.yml line 2: listen: expected an address of this machine only');
    expect(errors[0]).toContain('auth.nodes written out');
    expect(errorsOf({ flags: { listen } })[0]).toContain('command line: --listen:');
    expect(settings({ text: `auth: {nodes: none}\nlisten: "${listen}"` }).auth.nodes).toBe('none');
    expect(settings({ text: 'auth: {nodes: none}', flags: { listen } }).auth.nodes).toBe('none');
  });

  test('say what TLS and proving who one is need', () => {
    const listen = 'listen: "0.0.0.0:8420"\n';
    expect(errorsOf({ text: 'tls: {cert: c.pem}' })[0]).toContain('both tls.cert and tls.key');
    expect(errorsOf({ text: 'tls: {client_ca: c.pem}' })[0]).toContain('tls.client_ca: expected it beside tls.cert');
    expect(errorsOf({ text: 'auth: {nodes: mtls}' })[0]).toContain(
      'auth.nodes: expected tls.cert, tls.key and tls.client_ca',
    );
    expect(errorsOf({ text: `${listen}auth: {nodes: tokens}` })[0]).toContain('tokens are refused over plain HTTP');
    expect(settings({ text: `${listen}auth: {nodes: tokens}\nhttp: {trust_proxy: [10.0.0.0/8]}` }).http).toMatchObject({
      trustProxy: ['10.0.0.0/8'],
      localReads: false,
    });
    const tls = settings({ text: `${listen}auth: {nodes: tokens}\ntls: {cert: tls/c.pem, key: "credential:key"}` }).tls;
    expect(tls).toMatchObject({ cert: '/etc/tagwave/tls/c.pem', key: 'credential:key', minVersion: '1.2' });
    expect(errorsOf({ text: 'http: {trust_proxy: [proxy.example.com]}' })[0]).toContain('an address or a range');
  });

  test('say what logging in needs', () => {
    const whole = {
      'oidc.issuer': 'https://login.example.com/realms/main',
      'oidc.client_id': 'tagwave',
      'oidc.client_secret_file': 'oidc-secret',
      'oidc.operators': ['on-call', 'release managers'],
      'http.public_url': 'https://tagwave.example.com/',
    };
    const without = (key: keyof typeof whole) => errorsOf({ flags: { ...whole, [key]: undefined } });
    expect(settings({ flags: whole }).oidc).toEqual({
      issuer: 'https://login.example.com/realms/main',
      clientId: 'tagwave',
      clientSecretFile: '/etc/tagwave/oidc-secret',
      ca: null,
      scopes: ['openid', 'profile', 'email'],
      claim: 'groups',
      viewers: [],
      operators: ['on-call', 'release managers'],
      admins: [],
      sessionHours: 8,
      publicUrl: 'https://tagwave.example.com',
    });
    expect(without('oidc.client_secret_file')).toEqual([
      'command line: --oidc-issuer: expected oidc.client_secret_file beside it, found none',
    ]);
    expect(without('http.public_url')[0]).toContain('expected http.public_url beside it');
    expect(without('oidc.operators')[0]).toContain('who may log in');
    expect(without('oidc.issuer')[0]).toContain('--oidc-client-id: expected oidc.issuer beside it');
    const plain = { ...whole, 'http.public_url': 'http://tagwave.example.com' };
    expect(errorsOf({ flags: plain })[0]).toContain('--http-public-url: expected an https URL');
    expect(errorsOf({ flags: { ...whole, 'oidc.scopes': ['email'] } })[0]).toContain('openid among them');
    expect(settings({ flags: { ...whole, 'http.public_url': 'http://[::1]:8420' } }).oidc?.publicUrl).toBe(
      'http://[::1]:8420',
    );
  });

  test.each([
    ['http://login.example.com', false],
    ['https://login.example.com/.well-known/openid-configuration', false],
    ['https://login.example.com/?tenant=1', false],
    ['https://me:secret@login.example.com', false],
    ['login.example.com', false],
    ['https://login.example.com', true],
    ['http://127.0.0.1:9000/oidc', true],
    ['http://localhost:9000', true],
  ])('take %s for a provider of logins: %s', (issuer, isTaken) => {
    const errors = errorsOf({ flags: { 'oidc.issuer': issuer } });
    expect(errors.some((error) => error.includes('expected the https URL of the provider'))).toBe(!isTaken);
  });

  test.each([
    ['127.0.0.1:8420', '127.0.0.1', 8420],
    ['127.8.9.1:0', '127.8.9.1', 0],
    ['localhost:65535', 'localhost', 65_535],
    ['[::1]:8420', '::1', 8420],
    ['[0:0:0:0:0:0:0:1]:8420', '0:0:0:0:0:0:0:1', 8420],
    ['[::ffff:127.0.0.1]:1', '::ffff:127.0.0.1', 1],
  ])('listen on %s without ado', (listen, host, port) => {
    expect(settings({ flags: { listen } }).listen).toEqual({ host, port });
  });

  test.each([
    '8420',
    ':8420',
    'localhost',
    'localhost:65536',
    '::1:8420',
    '[localhost]:1',
    'http://localhost:1',
    'a b:1',
    '',
  ])('do not take %s for an address', (listen) => {
    expect(errorsOf({ flags: { listen } })).toHaveLength(1);
  });

  test.each(['-x', 'a..b', 'a b', 'a~1', 'x.lock', '/a', 'a/', 'a//b', '.a', 'a/.b', 'a:b', '@{u}', 'a\\b', ''])(
    'do not take %j for a branch',
    (branch) => {
      expect(errorsOf({ text: 'repo: {url: https://h/c}', flags: { 'repo.branch': branch } })).toHaveLength(1);
    },
  );

  test('wait for headers no longer than for the whole request', () => {
    expect(errorsOf({ text: 'http: {request_timeout_seconds: 10}' })).toEqual([
      'server.yml line 1: http.headers_timeout_seconds: expected at most http.request_timeout_seconds (10), found 15',
    ]);
  });

  test('cannot be changed once they are read', () => {
    const all = settings({ env: { TAGWAVE_REPO_UPDATE: 'svn update' } });
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(all)).toBe(true);
  });

  test('do not come from an empty file, whose meaning is for the caller to know', () => {
    expect(errorsOf({ text: '# all gone\n' })).toEqual(['server.yml line 1: expected a mapping, found nothing']);
  });

  test('never make the reader throw, whatever file and variables hold', () => {
    const variable = fc.constantFrom(
      'TAGWAVE_LISTEN',
      'TAGWAVE_REPO_URL',
      'TAGWAVE_REPO_UPDATE',
      'TAGWAVE_SETTLE_SECONDS',
      'TAGWAVE_HTTP_LOCAL_READS',
      'TAGWAVE_STATE_DIR',
    );
    const key = fc.constantFrom(
      'listen',
      'repo',
      'http',
      'url',
      'branch',
      'settle_seconds',
      'auth',
      'nodes',
      'log',
      'x',
    );
    const values = fc.dictionary(key, fc.oneof(fc.jsonValue(), fc.dictionary(key, fc.jsonValue())));
    const text = fc.oneof(
      anyText,
      values.map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(text, fc.dictionary(variable, fc.string()), (text, env) => void read({ text, env })),
      { numRuns: 150 },
    );
  });
});

describe('a change of settings', () => {
  test('needs a restart where something is opened once, and names what', () => {
    const before = settings({ text: 'repo: {url: https://h/c, branch: main}' });
    const after = settings({
      text: 'listen: 127.0.0.1:1\nrepo: {directory: x, poll_seconds: 5}\nlog: {level: debug}\nclient_tags: none\nhttp: {local_changes: true}',
    });
    expect(settingsNeedingRestart(before, after)).toEqual([
      'listen',
      'repo.url',
      'repo.branch',
      'repo.directory',
      'log.level',
    ]);
    expect(
      settingsNeedingRestart(before, settings({ text: 'repo: {url: https://h/c, branch: main}\nsettle_seconds: 5' })),
    ).toEqual([]);
  });
});

describe('workers', () => {
  test('is a number or auto, wherever it is written', () => {
    for (const workers of [1, 64, 'auto'] as const) {
      expect(settings({ text: `workers: ${workers}` }).workers).toBe(workers);
      expect(settings({ env: { TAGWAVE_WORKERS: String(workers) } }).workers).toBe(workers);
    }
  });

  test.each(['0', '65', '1.5', '"2"', 'many', '[2]'])('%s is refused with what is expected', (workers) => {
    const errors = errorsOf({ text: `workers: ${workers}` });
    expect(errors).toEqual([expect.stringContaining('workers: expected a whole number of workers, 1 to 64, or auto')]);
  });

  test.each(['0', '65', '1.5', 'many'])('%s from the environment, too', (workers) => {
    const errors = errorsOf({ env: { TAGWAVE_WORKERS: workers } });
    expect(errors).toEqual([
      expect.stringContaining('TAGWAVE_WORKERS: expected a whole number of workers, 1 to 64, or auto'),
    ]);
  });
});
