import { randomBytes } from 'node:crypto';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseHostname } from '../../protocol/names.ts';
import { openCredentials } from '../../server/adapters/credentials/credentials.ts';
import type { CredentialChange } from '../../server/core/credential-change.ts';
import { digestOfToken, idOfToken, SECRET_BYTES, tokenFrom } from '../../server/core/token.ts';
import { type TestBase, testBase, useBases } from '../cli/base.ts';
import { serve } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { askTls, forThisMachine, type TlsPlace, tlsPlace } from './tls-serving.ts';

useBases();

const HOSTS = Array.from({ length: 8 }, (_, index) => `web${index + 1}.example.com`);
/** As often as a host may within the time in which the old ones still count. */
const ROTATIONS = 2;

const newToken = (): string => tokenFrom('node', randomBytes(SECRET_BYTES));

function digestOf(token: string) {
  const digest = digestOfToken(token);
  if (digest === undefined) throw new Error('what was made is a token');
  return digest;
}

/** One poll: when it began, and its status, or why there is none. */
interface Polled {
  readonly began: number;
  readonly outcome: unknown;
}

/** A host that asks all the time, with whichever of its tokens that count. */
interface Host {
  readonly name: string;
  readonly polls: Polled[];
  /** The last one is the present one. */
  readonly tokens: string[];
  rotate(): Promise<void>;
  stop(): Promise<void>;
}

interface Way {
  readonly url: string;
  readonly place: TlsPlace;
  /** Absent: a connection for each poll. */
  readonly agent?: Agent | undefined;
}

function startHost(name: string, first: string, { url, place, agent }: Way): Host {
  const [polls, tokens]: [Polled[], string[]] = [[], [first]];
  let isOver = false;
  const present = (): string => tokens.at(-1) ?? first;
  const ask = async (token: string): Promise<void> => {
    const began = performance.now();
    const how = { ca: place.authority, headers: { Authorization: `Bearer ${token}` } };
    const asked = askTls(url, `/v1/nodes/${name}`, agent === undefined ? how : { ...how, agent });
    polls.push({
      began,
      outcome: await asked.then(
        ({ status }) => status,
        (error) => error,
      ),
    });
  };
  const poll = async (): Promise<void> => {
    while (!isOver) for (const token of [...new Set([present(), ...tokens])]) await ask(token);
  };
  const polling = poll();
  return {
    name,
    polls,
    tokens,
    async rotate() {
      const next = newToken();
      const { status } = await askTls(url, `/v1/nodes/${name}/token`, {
        method: 'POST',
        ca: place.authority,
        headers: { Authorization: `Bearer ${present()}` },
        json: { tokenSha256: digestOf(next) },
      });
      if (status !== 201) throw new Error(`${name} got ${status} when it rotated its token`);
      tokens.push(next);
    },
    async stop() {
      isOver = true;
      await polling;
    },
  };
}

interface Fleet extends TestBase {
  readonly url: string;
  readonly place: TlsPlace;
  readonly hosts: readonly Host[];
  stop(): Promise<void>;
}

/** A server of its own process that speaks TLS, and a fleet that polls without a pause: half of it keeps its connections. */
async function pollingFleet(workers: number): Promise<Fleet> {
  const base = await testBase();
  const place = await tlsPlace();
  const given = await giveTokens(join(base.base, 'var'));
  const { url } = await serve(base.base, {
    env: {
      TAGWAVE_AUTH_NODES: 'tokens',
      TAGWAVE_WORKERS: String(workers),
      TAGWAVE_TLS_CERT: String(place.settings['tls.cert']),
      TAGWAVE_TLS_KEY: String(place.settings['tls.key']),
    },
  });
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const hosts = [...given].map(([name, token], index) =>
    startHost(name, token, { url, place, agent: index % 2 === 0 ? agent : undefined }),
  );
  const stop = async (): Promise<void> => {
    await Promise.all(hosts.map((host) => host.stop()));
  };
  onTestFinished(stop);
  await until('every host to ask', () => hosts.every(({ polls }) => polls.length > 1) || undefined);
  return { ...base, url, place, hosts, stop };
}

async function giveTokens(stateDir: string): Promise<Map<string, string>> {
  const tokens = new Map(HOSTS.map((host) => [host, newToken()]));
  const credentials = openCredentials({ stateDir, isThorough: false });
  const changes = [...tokens].flatMap(([host, token]): CredentialChange[] => {
    const hostname = parseHostname(host);
    if (hostname === undefined) return [];
    const node = { kind: 'node', hostname, state: 'active', replacedBy: null } as const;
    const made = { createdAt: Date.now(), createdBy: 'test', createdFrom: null, expiresAt: null };
    const digest = digestOf(token);
    return [{ kind: 'put', credential: { ...node, ...made, id: idOfToken(digest), digest } }];
  });
  await credentials.change(() => ({ result: undefined, changes }));
  await credentials.close();
  return tokens;
}

const failuresOf = ({ polls, name }: Host): unknown[] =>
  polls.flatMap(({ outcome }) => (outcome === 200 ? [] : [[name, outcome]]));

/** What somebody revoked counts for nobody who asks so much later; every process looks at least twice as often. */
const COUNTS_MS = 50;

describe.each([1, 2])('with workers: %d, in the middle of a load over TLS', (workers) => {
  test('tokens are rotated and the certificate is renewed, and no poll fails', async () => {
    const { hosts, place, url, stop } = await pollingFleet(workers);
    const serials: string[] = [];
    for (let rotation = 0; rotation < ROTATIONS; rotation++) {
      const renewed = await forThisMachine(place.authority);
      const rotating = Promise.all(hosts.map((host) => host.rotate()));
      await place.putPair(renewed);
      await rotating;
      const counts = hosts.map(({ polls }) => polls.length);
      await until('the new certificate', async () => {
        const { serial } = await askTls(url, '/healthz', { ca: place.authority });
        return serial === renewed.serial || undefined;
      });
      serials.push(renewed.serial);
      await until(
        'every host to ask with all of its tokens',
        () =>
          hosts.every(({ polls, tokens }, index) => polls.length > (counts[index] ?? 0) + tokens.length) || undefined,
      );
    }
    await stop();
    expect(hosts.flatMap(failuresOf)).toEqual([]);
    expect(hosts.map(({ tokens }) => tokens.length)).toEqual(hosts.map(() => ROTATIONS + 1));
    expect(new Set(serials).size).toBe(ROTATIONS);
  });

  test('a token that is revoked counts no more at once, and nobody else notices', async () => {
    const { hosts, stop, run } = await pollingFleet(workers);
    const [revoked, kept] = [hosts.slice(0, 2), hosts.slice(2)];
    const since: number[] = [];
    for (const { tokens } of revoked) {
      const done = await run(['token', 'revoke', idOfToken(digestOf(tokens[0] ?? ''))]);
      expect(done).toMatchObject({ code: 0 });
      since.push(performance.now());
    }
    const sinceThen = (index: number): Polled[] =>
      revoked[index]?.polls.filter(({ began }) => began > (since[index] ?? 0) + COUNTS_MS) ?? [];
    await until('all to ask again', () => [0, 1].every((index) => sinceThen(index).length >= 10) || undefined);
    await stop();
    for (const [index, { name }] of revoked.entries()) {
      expect([name, new Set(sinceThen(index).map(({ outcome }) => outcome))]).toEqual([name, new Set([401])]);
      expect(new Set(revoked[index]?.polls.map(({ outcome }) => outcome))).toEqual(new Set([200, 401]));
    }
    expect(kept.flatMap(failuresOf)).toEqual([]);
  });
});
