import type { NotificationKind } from '../core/notification.ts';
import type { Problem } from '../core/problem.ts';

/** What `server.yml`, the environment and the command line come to: validated, paths absolute, frozen. */
export interface Settings {
  readonly listen: ListenAddress;
  /** How many processes answer; `auto` = as many as there are processors for us. */
  readonly workers: number | 'auto';
  /** Absolute. Everything that is not a control file. */
  readonly stateDir: string;
  /** May be a fraction. */
  readonly settleSeconds: number;
  /** `program` is an absolute path; `auto` = `<base>/nodetagger` if there is one, else the schedule. */
  readonly nodetagger: { readonly kind: 'auto' | 'program'; readonly path: string } | { readonly kind: 'schedule' };
  /** `program` is an absolute path; `auto` = `<base>/nodegrouper` if there is one, else none. */
  readonly nodegrouper: { readonly kind: 'auto' | 'program'; readonly path: string } | { readonly kind: 'none' };
  readonly clientTags: 'any' | 'good' | 'none';
  readonly repo: RepoSettings;
  readonly snapshot: {
    readonly retentionHours: number;
    readonly keepAtLeast: number;
  };
  readonly tagstate: { readonly repositoryMayApprove: boolean };
  readonly views: {
    readonly archiveCacheMebibytes: number;
    /** 0 = no deltas. */
    readonly deltaCacheMebibytes: number;
  };
  readonly auth: AuthSettings;
  /** Null = plain HTTP. */
  readonly tls: TlsSettings | null;
  /** Where people log in; null = nowhere. */
  readonly oidc: OidcSettings | null;
  readonly http: HttpSettings;
  readonly limits: LimitSettings;
  readonly poll: { readonly afterSeconds: number };
  readonly fleet: {
    readonly silentAfterMinutes: number;
    readonly forgetAfterDays: number;
    /** So many nodes are remembered at most. */
    readonly mostNodes: number;
  };
  readonly store: {
    readonly reportDays: number;
    readonly eventDays: number;
  };
  readonly notify: NotifySettings;
  readonly log: { readonly level: LogLevel };
  readonly stop: { readonly graceSeconds: number };
}

export interface ListenAddress {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
}

export type RepoSource =
  /** `branch` null = the one that the remote's HEAD names. */
  | { readonly kind: 'url'; readonly url: string; readonly branch: string | null }
  /** `path` is absolute; `update` the words of a command that brings it up to date, null = none. */
  | { readonly kind: 'directory'; readonly path: string; readonly update: readonly string[] | null };

export interface RepoSettings {
  readonly source: RepoSource;
  /** Files with what proves who we are to the url's server: absolute paths or `credential:NAME`, null = none. */
  readonly access: {
    readonly tokenFile: string | null;
    readonly sshKeyFile: string | null;
    readonly sshKnownHostsFile: string | null;
  };
  readonly pollSeconds: number;
  readonly fetchTimeoutSeconds: number;
  readonly requireFastForward: boolean;
  readonly submodules: 'refuse' | 'ignore';
  /** Who has to have signed what becomes a tag; null = nobody. `allowedSigners` is absolute. */
  readonly signatures: { readonly kind: 'ssh' | 'gpg'; readonly allowedSigners: string } | null;
}

export interface AuthSettings {
  /** How nodes prove who they are. Null = not said, which is `none` for who listens on loopback only. */
  readonly nodes: 'none' | 'tokens' | 'mtls' | null;
  readonly joining: 'first-use' | 'join-token' | 'approve' | 'closed';
  /** How long a token counts beside the one that takes its place. */
  readonly rotationOverlapMinutes: number;
  /** How long a host may wait for somebody to let it in. */
  readonly pendingHours: number;
}

/** Absolute paths, or `credential:NAME`. */
export interface TlsSettings {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: '1.2' | '1.3';
  readonly clientCa: string | null;
  readonly clientCrl: string | null;
}

export interface OidcSettings {
  /** An https URL, or a http one of this machine. */
  readonly issuer: string;
  readonly clientId: string;
  /** An absolute path, or `credential:NAME`. */
  readonly clientSecretFile: string;
  /** Who vouches for the provider's certificate, absolute or `credential:NAME`; null = those whom Node trusts. */
  readonly ca: string | null;
  readonly scopes: readonly string[];
  /** What tells a person's role, and which of its values give which. */
  readonly claim: string;
  readonly viewers: readonly string[];
  readonly operators: readonly string[];
  readonly admins: readonly string[];
  readonly sessionHours: number;
  /** Under which people reach this server, without a slash at the end. */
  readonly publicUrl: string;
}

/** Requests a minute, as many of them at once; 0 = without limit. Of callers on other machines. */
export interface LimitSettings {
  readonly nodeRequestsPerMinute: number;
  readonly addressRequestsPerMinute: number;
  readonly addressFailuresPerMinute: number;
}

export interface HttpSettings {
  /** Addresses and ranges of proxies that say truly where a request comes from. */
  readonly trustProxy: readonly string[];
  readonly localChanges: boolean;
  readonly localReads: boolean;
  /** Under which hosts reach the server, for what is installed on them; null = as whoever asks reached it. */
  readonly publicUrl: string | null;
  readonly bodyLimitKib: number;
  readonly maxConnections: number;
  /** Of one on another machine; 0 = without limit. */
  readonly connectionsPerAddress: number;
  readonly headersTimeoutSeconds: number;
  readonly requestTimeoutSeconds: number;
  readonly keepAliveTimeoutSeconds: number;
  /** The longest that `?wait=` may ask for. */
  readonly maxWaitSeconds: number;
}

/** Who is told of what. */
export interface NotifySettings {
  readonly targets: readonly NotifyTarget[];
  /** So many nodes of a wave that fail with a tag within so many minutes are worth telling; 0 = never. */
  readonly failureSpikeNodes: number;
  readonly failureSpikeMinutes: number;
  readonly timeoutSeconds: number;
  /** So many wait for each target at most, and so long. */
  readonly keepMessages: number;
  readonly keepHours: number;
}

export interface NotifyTarget {
  readonly name: string;
  /** Where to send it, or the file (absolute, or `credential:NAME`) that says so. */
  readonly place: { readonly kind: 'url'; readonly url: string } | { readonly kind: 'file'; readonly file: string };
  readonly format: 'json' | 'slack';
  /** What is signed with: an absolute path, or `credential:NAME`; null = nothing is. */
  readonly secretFile: string | null;
  readonly kinds: readonly NotificationKind[];
  /** Null = all. */
  readonly environments: readonly string[] | null;
  readonly waves: readonly string[] | null;
  readonly minSeverity: Problem['severity'];
  /** Who vouches for its certificate, absolute or `credential:NAME`; null = those whom Node trusts. */
  readonly ca: string | null;
  /** Whether others on the way may read along. */
  readonly plainHttp: boolean;
}

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
