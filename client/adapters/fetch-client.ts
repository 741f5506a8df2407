import { CLIENT_PATHS, type ClientRelease, clientReleaseSchema } from '../../protocol/release.ts';
import { parseJson } from '../core/answer.ts';
import { type Failed, failedBecause } from '../core/outcome.ts';
import { readBody } from './http.ts';
import { sha256Of } from './own-program.ts';
import { ask, type Response, type Servers } from './servers.ts';

type Got<Value> = { readonly kind: 'got'; readonly value: Value } | Failed;

const LIST_LIMIT_BYTES = 64 * 1024;
const LIST_TOTAL_MS = 60_000;
const BUILD_TOTAL_MS = 600_000;

/** Which client a server has to give. */
export async function fetchClientRelease(servers: Servers): Promise<Got<ClientRelease>> {
  const found = await ask<Got<ClientRelease>>(servers, {
    path: CLIENT_PATHS.list,
    totalMs: LIST_TOTAL_MS,
    read: async (response) => {
      const bytes = await readBody(response.body, LIST_LIMIT_BYTES);
      if (response.status !== 200) return refused(response, bytes);
      const parsed = clientReleaseSchema.safeParse(bytes === undefined ? undefined : parseJson(bytes));
      return parsed.success ? { kind: 'got', value: parsed.data } : notUnderstood('its list has another shape');
    },
    garbled: notUnderstood,
  });
  return found.kind === 'found' ? found.value : nobody(found.why);
}

/** The client that is listed: exactly that, or nothing. */
export async function fetchClientBuild(servers: Servers, { sha256, size }: ClientRelease): Promise<Got<Buffer>> {
  const found = await ask<Got<Buffer>>(servers, {
    path: `${CLIENT_PATHS.build}?sha256=${sha256}`,
    totalMs: BUILD_TOTAL_MS,
    headers: () => ({ Accept: 'text/javascript, application/problem+json' }),
    read: async (response) => {
      const bytes = await readBody(response.body, response.status === 200 ? size : LIST_LIMIT_BYTES);
      if (response.status !== 200) return refused(response, bytes);
      if (bytes === undefined || bytes.length < size || sha256Of(bytes) !== sha256) return otherContent();
      return { kind: 'got', value: bytes };
    },
    garbled: notUnderstood,
  });
  return found.kind === 'found' ? found.value : nobody(found.why);
}

function refused({ status }: Response, bytes: Buffer | undefined): Failed {
  const details: unknown = bytes === undefined ? undefined : parseJson(bytes);
  const text = (key: string): string | undefined => {
    const value: unknown = typeof details === 'object' && details !== null ? Reflect.get(details, key) : undefined;
    return typeof value === 'string' ? value : undefined;
  };
  const hint = text('hint') ?? 'Is it a Tagwave server, and of a version that gives out the client?';
  return failedBecause(`the server answers ${status}: ${text('title') ?? 'without a reason'}`, hint);
}

function notUnderstood(why: string): Failed {
  return failedBecause(`cannot understand the server: ${why}`, 'Is the URL a Tagwave server, and what stands between?');
}

function otherContent(): Failed {
  return failedBecause(
    'the client that came is not what the server lists: its SHA-256 is another',
    'Nothing was changed. Something between the server and this host alters what it sends.',
  );
}

function nobody(why: readonly string[]): Failed {
  return failedBecause(
    `no server answered: ${why.join('; ')}`,
    'Nothing was changed. Look at the server and --server.',
  );
}
