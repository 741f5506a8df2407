import { readFileSync } from 'node:fs';
import * as oidc from 'openid-client';
import { oneLine } from '../core/wording.ts';
import type { Attempt, Clock } from '../ports/common.ts';
import type { IdentityProvider, NotLoggedIn } from '../ports/people.ts';
import type { OidcSettings } from '../settings/settings.ts';
import { reasonOf } from './files/failure.ts';
import { readSecret, secretPath } from './files/secret-file.ts';
import { fetchTrusting, UNREACHABLE } from './oidc-fetch.ts';

/** For each question to the provider: somebody waits in front of a browser. */
const TIMEOUT_SECONDS = 10;
/** So long what a provider says of itself is taken as it was. Its keys are asked for at each login. */
const KNOWN_MS = 10 * 60_000;

interface Known {
  readonly of: string;
  readonly until: number;
  readonly metadata: Promise<oidc.ServerMetadata>;
}

/** Lets people show who they are to an OpenID Connect provider. It is asked for nothing before somebody wants to log in. */
export function openIdentityProvider(clock: Pick<Clock, 'monotonic'>): IdentityProvider {
  let known: Known | undefined;

  /** However many ask, the provider is asked once; after a failure, whoever comes next asks again. */
  const metadataOf = (settings: OidcSettings, fetch: oidc.CustomFetch): Promise<oidc.ServerMetadata> => {
    const of = JSON.stringify([settings.issuer, settings.ca]);
    if (known?.of !== of || clock.monotonic() >= known.until)
      known = { of, until: clock.monotonic() + KNOWN_MS, metadata: discover(settings, fetch) };
    return known.metadata;
  };

  const asked = async <Result>(
    settings: OidcSettings,
    ask: (configuration: oidc.Configuration) => Promise<Result>,
  ): Promise<Result | NotLoggedIn> => {
    const secrets = secretsOf(settings);
    if (!secrets.ok) return { ...secrets, why: 'setup' };
    const { secret, ca } = secrets.value;
    try {
      const fetch = fetchTrusting(ca);
      return await ask(configuration(settings, { metadata: await metadataOf(settings, fetch), secret, fetch }));
    } catch (error) {
      // What the provider said in so many words does not put in doubt what is known of it.
      if (!isItsAnswer(error)) known = undefined;
      return whyNot(settings, error);
    }
  };

  return {
    urlFor: (settings, { state, nonce, verifier, redirectUri }) =>
      asked(settings, async (configuration) => {
        const url = oidc.buildAuthorizationUrl(configuration, {
          redirect_uri: redirectUri,
          scope: settings.scopes.join(' '),
          state,
          nonce,
          code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
        });
        return { ok: true, value: url.href } as const;
      }),
    claimsOf: (settings, query, { state, nonce, verifier, redirectUri }) =>
      asked(settings, async (configuration) => {
        const tokens = await oidc.authorizationCodeGrant(configuration, new URL(`${redirectUri}?${query}`), {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        });
        const claims = tokens.claims();
        if (claims === undefined) throw new Error('it sent no ID token');
        const isAll = settings.claim in claims && 'preferred_username' in claims;
        if (isAll || configuration.serverMetadata().userinfo_endpoint === undefined)
          return { ok: true, value: claims } as const;
        const more = await oidc.fetchUserInfo(configuration, tokens.access_token, claims.sub);
        return { ok: true, value: { ...more, ...claims } } as const;
      }),
  };
}

interface Using {
  readonly metadata: oidc.ServerMetadata;
  readonly secret: string;
  readonly fetch: oidc.CustomFetch;
}

/** A new one each time knows no keys yet: those that the provider signs with now are asked for. */
function configuration({ clientId }: OidcSettings, { metadata, secret, fetch }: Using): oidc.Configuration {
  const { token_endpoint_auth_methods_supported: ways = ['client_secret_basic'] } = metadata;
  const way = ways.includes('client_secret_basic') ? oidc.ClientSecretBasic : oidc.ClientSecretPost;
  const made = new oidc.Configuration(metadata, clientId, undefined, way(secret));
  made.timeout = TIMEOUT_SECONDS;
  made[oidc.customFetch] = fetch;
  // The fetch sees to it that only what stays on this machine goes without TLS.
  oidc.allowInsecureRequests(made);
  // The signature of the ID token is checked, too, wherever it came from.
  oidc.enableNonRepudiationChecks(made);
  return made;
}

async function discover({ issuer }: OidcSettings, fetch: oidc.CustomFetch): Promise<oidc.ServerMetadata> {
  const found = await oidc.discovery(new URL(issuer), 'unused', undefined, undefined, {
    timeout: TIMEOUT_SECONDS,
    [oidc.customFetch]: fetch,
    execute: [oidc.allowInsecureRequests],
  });
  const metadata = found.serverMetadata();
  // For some providers the library lets one issuer speak for others, whose people are not meant here.
  if (new URL(metadata.issuer).href !== new URL(issuer).href) throw new Error(`it calls itself ${metadata.issuer}`);
  return metadata;
}

function secretsOf({ clientSecretFile, ca }: OidcSettings): Attempt<{ secret: string; ca: string | undefined }> {
  const secret = readSecret({ setting: 'oidc.client_secret_file', place: clientSecretFile });
  if (!secret.ok) return secret;
  const trusted = ca === null ? undefined : readTrusted(ca);
  if (trusted?.ok === false) return trusted;
  return { ok: true, value: { secret: secret.value.text, ca: trusted?.value } };
}

function readTrusted(place: string): Attempt<string> {
  const path = secretPath({ setting: 'oidc.ca', place });
  if (!path.ok) return path;
  try {
    return { ok: true, value: readFileSync(path.value, 'utf8') };
  } catch (error) {
    const sentence = `oidc.ca: ${path.value} cannot be read: ${reasonOf(error)}`;
    return { ok: false, sentence, hint: 'make it a file with the certificates of the CA, in PEM' };
  }
}

/** What went wrong, and whether it is for whoever logs in or for whoever looks after the server. */
function whyNot({ issuer }: OidcSettings, error: unknown): NotLoggedIn {
  const again = 'log in once more';
  if (error instanceof oidc.AuthorizationResponseError)
    return failed('refused', `the provider did not let you in: ${error.error}`, again);
  if (error instanceof oidc.ResponseBodyError && error.error === 'invalid_grant')
    return failed('refused', 'the provider does not take what you came back with (invalid_grant)', again);
  if (error instanceof oidc.ResponseBodyError)
    return failed('setup', `${issuer} refuses this server: ${error.error}`, 'see oidc.client_id and its secret');
  if (error instanceof oidc.WWWAuthenticateChallengeError)
    return failed('setup', `${issuer} refuses this server: HTTP ${error.status}`, 'see oidc.client_id and its secret');
  const reason = reasons(error);
  if (isAway(error)) return failed('away', `${issuer} cannot be asked who you are: ${reason}`, 'try again soon');
  return failed('refused', `what ${issuer} said does not hold: ${reason}`, again);
}

function failed(why: NotLoggedIn['why'], sentence: string, hint: string): NotLoggedIn {
  return { ok: false, why, sentence: oneLine(sentence), hint };
}

function isItsAnswer(error: unknown): boolean {
  return ANSWERS.some((kind) => error instanceof kind);
}

const ANSWERS = [oidc.AuthorizationResponseError, oidc.ResponseBodyError, oidc.WWWAuthenticateChallengeError] as const;

/** Messages alone: what else errors carry may hold tokens. */
function reasons(error: unknown): string {
  return chain(error)
    .map(({ message }) => message)
    .filter((message, index, all) => message !== '' && all.indexOf(message) === index)
    .join(': ');
}

function isAway(error: unknown): boolean {
  const isKnown = ({ name, code }: Error & { code?: unknown }) =>
    name === UNREACHABLE || code === 'OAUTH_TIMEOUT' || code === 'OAUTH_RESPONSE_IS_NOT_CONFORM';
  return chain(error).some(isKnown);
}

function chain(error: unknown): Error[] {
  const found: Error[] = [];
  for (let one = error; one instanceof Error && found.length < 5; one = one.cause) found.push(one);
  return found;
}
