import type { OidcSettings } from '../settings/settings.ts';

/** What one attempt to log in is known by, and where the browser comes back to. */
export interface LoginSecrets {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly redirectUri: string;
}

/** `away`: the provider does not answer. `setup`: for whoever looks after the server. `refused`: for whoever logs in. */
export interface NotLoggedIn {
  readonly ok: false;
  readonly why: 'away' | 'setup' | 'refused';
  readonly sentence: string;
  readonly hint: string;
}

/** An OpenID Connect provider. */
export interface IdentityProvider {
  /** The URL to which a browser is sent. */
  urlFor(
    settings: OidcSettings,
    secrets: LoginSecrets,
  ): Promise<{ readonly ok: true; readonly value: string } | NotLoggedIn>;
  /** What is said of whoever came back with this query; all of it was checked: by whom it is, for whom, when, for what. */
  claimsOf(
    settings: OidcSettings,
    query: string,
    secrets: LoginSecrets,
  ): Promise<{ readonly ok: true; readonly value: Readonly<Record<string, unknown>> } | NotLoggedIn>;
}
