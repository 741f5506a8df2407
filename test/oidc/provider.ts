import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import type { Certified } from '../rig/certificates.ts';

export const CLIENT_SECRET = 'a-secret-between-provider-and-tagwave-42';

/** What the provider says of people, by what they type as their login. */
export type People = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface RunningProvider {
  readonly issuer: string;
  /** Signs with another key from now on, and knows the old one no more. */
  rotateKeys(): void;
  /** Nobody answers at its address any more. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Changes what it answers with a code: the claims of the ID token, and who signs it. */
  forge(forging: Forging | undefined): void;
  /** Answers this at a path instead of what it would. */
  answerInstead(path: string, answer: (response: ServerResponse) => void): void;
  /** The paths that were asked for. */
  readonly asked: string[];
}

export interface Forging {
  readonly claims?: Readonly<Record<string, unknown>>;
  /** `stranger`: a key that the provider does not publish; `nobody`: the algorithm `none`. */
  readonly signedBy?: 'stranger' | 'nobody';
}

export interface ProviderOptions {
  readonly people: People;
  readonly redirectUris: readonly string[];
  /** Writes everything into the ID token, so that nothing more needs to be asked. */
  readonly tellsAllAtOnce?: boolean;
  /** Speaks TLS with it. */
  readonly tls?: Pick<Certified, 'certificate' | 'key'> | undefined;
}

interface Key {
  readonly kid: string;
  readonly secret: KeyObject;
}

/** A whole OpenID Connect provider on loopback, with pages to log in and to consent. */
export async function startProvider({
  people,
  redirectUris,
  tellsAllAtOnce = false,
  tls,
}: ProviderOptions): Promise<RunningProvider> {
  const asked: string[] = [];
  const replaced = new Map<string, (response: ServerResponse) => void>();
  let handle: (request: IncomingMessage, response: ServerResponse) => unknown = () => undefined;
  let forging: Forging | undefined;
  let server = await listen(0);
  const { port } = server.address() as AddressInfo;
  const issuer = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;

  function listen(at: number): Promise<Server> {
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      asked.push((request.url ?? '').replace(/\?.*/, ''));
      const instead = replaced.get(request.url ?? '');
      if (instead === undefined) handle(request, response);
      else instead(response);
    };
    const opened =
      tls === undefined ? createServer(answer) : createTlsServer({ cert: tls.certificate, key: tls.key }, answer);
    return new Promise((resolve) => opened.listen(at, '127.0.0.1', () => resolve(opened)));
  }

  const renew = (): void => {
    const key = newKey();
    const provider = configured({ issuer, people, redirectUris, tellsAllAtOnce, key });
    provider.use(async (context, next) => {
      await next();
      if (forging === undefined || context.path !== '/token') return;
      const body = context.body as { id_token?: string };
      if (body.id_token !== undefined) context.body = { ...body, id_token: forged(body.id_token, forging, key) };
    });
    handle = provider.callback();
  };
  renew();

  const stop = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return {
    issuer,
    asked,
    answerInstead: (path, answer) => replaced.set(path, answer),
    rotateKeys: renew,
    stop,
    async start() {
      server = await listen(port);
    },
    forge(wanted) {
      forging = wanted;
    },
  };
}

interface Configuring extends Required<Omit<ProviderOptions, 'tls'>> {
  readonly issuer: string;
  readonly key: Key;
}

function configured({ issuer, people, redirectUris, tellsAllAtOnce, key }: Configuring): Provider {
  const jwk = { ...key.secret.export({ format: 'jwk' }), kid: key.kid, alg: 'RS256', use: 'sig' };
  return quietly(
    () =>
      new Provider(issuer, {
        clients: [
          {
            client_id: 'tagwave',
            client_secret: CLIENT_SECRET,
            redirect_uris: [...redirectUris],
            grant_types: ['authorization_code'],
            response_types: ['code'],
          },
        ],
        jwks: { keys: [jwk as never] },
        cookies: { keys: ['only for this test'] },
        claims: { profile: ['preferred_username', 'groups'], email: ['email', 'email_verified'] },
        pkce: { required: () => true },
        conformIdTokenClaims: !tellsAllAtOnce,
        ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 60, IdToken: 60, AuthorizationCode: 60 },
        features: { devInteractions: { enabled: true } },
        findAccount: (_context, id) => ({ accountId: id, claims: async () => ({ sub: id, ...people[id] }) }),
      }),
  );
}

/** It tells on the console that it is set up for trying things out. */
function quietly<Result>(make: () => Result): Result {
  const { info, warn } = console;
  Object.assign(console, { info: () => undefined, warn: () => undefined });
  try {
    return make();
  } finally {
    Object.assign(console, { info, warn });
  }
}

function newKey(): Key {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { kid: Math.random().toString(36).slice(2), secret: privateKey };
}

function forged(token: string, { claims = {}, signedBy }: Forging, { kid, secret }: Key): string {
  const [, payload = ''] = token.split('.');
  const alg = signedBy === 'nobody' ? 'none' : 'RS256';
  const said = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), ...claims };
  const text = [{ alg, kid, typ: 'JWT' }, said]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  if (signedBy === 'nobody') return `${text}.`;
  const key = signedBy === 'stranger' ? newKey().secret : secret;
  return `${text}.${createSign('sha256').update(text).sign(key, 'base64url')}`;
}
