import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { execa } from 'execa';
import { parseHostname } from '../protocol/names.ts';
import { openCredentials } from '../server/adapters/credentials/credentials.ts';
import type { CredentialChange } from '../server/core/credential-change.ts';
import { digestOfToken, idOfToken, SECRET_BYTES, tokenFrom } from '../server/core/token.ts';
import { hostNames, makeBase, PLAIN } from './base.ts';
import { type Compared, compare, perCore, ratioOf } from './compare.ts';
import { comparedLines } from './compare-report.ts';
import { makeCrowd } from './crowd.ts';
import { shown } from './figure.ts';
import { findLoad, type Load } from './load.ts';
import type { Bench, Measured } from './part.ts';
import { aim } from './report.ts';
import { serveBase, type TagwaveServer, type Variables, withServers } from './servers.ts';

const HOSTS = 1000;
const ROUNDS = 8;
const LEAST = 0.7;
const WITHOUT = 'without';
const WITH = 'with tokens';

/** What it costs that each host shows a token of its own: the same server twice, on equal bases, asked in turn. */
export async function measureAuth(bench: Bench): Promise<Measured> {
  const load = await findLoad(bench);
  const tls = await makeCertificate(bench.work);
  const alone = await measure(bench, load, { name: 'auth', title: 'over plain HTTP on loopback' });
  const secure = await measure(bench, load, { name: 'auth-tls', title: 'over TLS, kept alive', variables: tls });
  const workers = await measure(bench, load, {
    name: 'auth-workers',
    title: 'by two workers',
    variables: { TAGWAVE_WORKERS: '2' },
  });
  return {
    lines: [...alone.lines, atLeast(alone.compared), ...secure.lines, ...workers.lines],
    figures: { tool: load.tool, alone: alone.compared, tls: secure.compared, workers: workers.compared },
  };
}

interface Way {
  readonly name: string;
  /** How they are answered. */
  readonly title: string;
  readonly variables?: Variables;
}

async function measure(bench: Bench, load: Load, { name, title, variables = {} }: Way) {
  const hosts = hostNames(HOSTS, 'plain');
  const known = join(bench.work, `${name}-known`);
  const starting = [
    startOn(bench, `${name}-none`, variables),
    startOn(bench, `${name}-known`, { ...variables, TAGWAVE_AUTH_NODES: 'tokens' }),
  ] as const;
  return withServers(starting, async ([none, tokens]) => {
    const given = await giveTokens(join(known, 'var'), hosts);
    const subjects = [
      { title: WITHOUT, server: none, crowd: await makeCrowd(bench, none, { name: `${name}-none`, hosts }) },
      {
        title: WITH,
        server: tokens,
        crowd: await makeCrowd(bench, tokens, { name: `${name}-known`, hosts, tokens: given }),
      },
    ];
    const how = { load, close: false, rounds: bench.isQuick ? 2 : ROUNDS, seconds: 1, progress: bench.progress };
    const compared = await compare(subjects, how);
    const lines = comparedLines(compared, {
      title: `Unchanged polls of ${HOSTS} hosts, without tokens and each with its own, answered ${title}`,
      peers: [{ title: WITHOUT, column: WITHOUT }],
      tool: load.tool,
    });
    return { compared, lines };
  });
}

async function startOn(bench: Bench, name: string, variables: Variables): Promise<TagwaveServer> {
  const base = await makeBase(bench, name, PLAIN);
  return { ...(await serveBase(bench.dist, base, variables)), base };
}

/** A token for each host, by its name; they count from now on. */
async function giveTokens(stateDir: string, hosts: readonly string[]): Promise<Map<string, string>> {
  const tokens = new Map(hosts.map((host) => [host, tokenFrom('node', randomBytes(SECRET_BYTES))]));
  const changes = [...tokens].flatMap(([host, token]) => newToken(host, token));
  const credentials = openCredentials({ stateDir, isThorough: false });
  const changed = await credentials.change(() => ({ result: undefined, changes }));
  await credentials.close();
  if (!changed.ok) throw new Error(changed.sentence);
  return tokens;
}

function newToken(host: string, token: string): CredentialChange[] {
  const [hostname, digest] = [parseHostname(host), digestOfToken(token)];
  if (hostname === undefined || digest === undefined) throw new Error(`${host} cannot have a token`);
  const made = { createdAt: Date.now(), createdBy: 'bench', createdFrom: null, expiresAt: null };
  const node = { kind: 'node', hostname, state: 'active', replacedBy: null } as const;
  return [{ kind: 'put', credential: { ...node, ...made, id: idOfToken(digest), digest } }];
}

/** Made for the day, on a curve, as certificates are today. */
async function makeCertificate(work: string): Promise<Variables> {
  const [cert, key] = [join(work, 'cert.pem'), join(work, 'key.pem')];
  const how = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const whom = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  await execa('openssl', ['req', '-x509', ...how, ...whom, '-out', cert, '-keyout', key]);
  return { TAGWAVE_TLS_CERT: cert, TAGWAVE_TLS_KEY: key };
}

function atLeast(compared: Compared): string {
  const speed = ratioOf(compared, 'pollsPerSecond', [WITH, WITHOUT]);
  const core = perCore(compared, [WITH, WITHOUT]);
  const isMet = core.median >= LEAST && speed.median >= LEAST;
  const found = `${shown(core)} × per core, ${shown(speed)} × a second`;
  return aim(`polls with tokens, per core and a second at least ${LEAST} × those without`, isMet, found);
}
