import { type Hostname, parseHostname, parseTagName, type TagName } from '../../protocol/names.ts';
import { parseFact } from '../core/facts.ts';

/** What a run is told to do, from flags, environment, file and defaults. */
export interface Settings {
  readonly servers: readonly URL[];
  /** Undefined: the machine's own name. */
  readonly hostname: Hostname | undefined;
  readonly target: string;
  /** The tree that releases are put onto; undefined: they are used where they are staged. */
  readonly root: string | undefined;
  readonly tag: TagName | 'trunk' | undefined;
  /** Undefined: as the command has it. */
  readonly splaySeconds: number | undefined;
  /** For `watch`: between two runs at most. */
  readonly intervalMinutes: number;
  readonly timeoutSeconds: number;
  /** Undefined: `token` in the target. */
  readonly tokenFile: string | undefined;
  /** Of those who sign servers' certificates; undefined: all that Node knows. */
  readonly ca: string | undefined;
  /** The host's own certificate and its key: both or none. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** So old a token may become before it is replaced; 0: as old as it may. */
  readonly rotateDays: number;
  /** As in `site=berlin`: what the host says of itself besides what is found. */
  readonly facts: readonly string[];
  /** Reads every file instead of going by how it looks. */
  /** Where it exists, nothing is done. */
  readonly disableFile: string;
  readonly verify: boolean;
  readonly dryRun: boolean;
  readonly detailedExitcode: boolean;
  readonly verbose: boolean;
  readonly json: boolean;
}

export type KeyName =
  | 'server'
  | 'hostname'
  | 'target'
  | 'root'
  | 'tag'
  | 'splay'
  | 'interval'
  | 'disable-file'
  | 'timeout'
  | 'token-file'
  | 'ca'
  | 'cert'
  | 'key'
  | 'rotate-days'
  | 'fact'
  | 'verify'
  | 'dry-run'
  | 'detailed-exitcode'
  | 'verbose'
  | 'json';

/** One setting: flag `--name`, key `name` of the file, variable `TAGWAVE_CLIENT_NAME`. The help and the parser both read this. */
export interface Key {
  readonly name: KeyName;
  readonly kind: 'list' | 'value' | 'switch';
  /** In the file a list may be written as a map: each of its entries counts as `name=value`. */
  readonly isMap?: true;
  readonly placeholder?: string;
  readonly help: string;
  /** What `parse` accepts, as errors tell it. */
  readonly expected: string;
  /** Undefined for what it does not accept. */
  parse(text: string): string | number | boolean | URL | undefined;
}

export const DEFAULT_TARGET = '/var/lib/tagwave';
export const DEFAULT_DISABLE_FILE = '/etc/tagwave/disable';
export const DEFAULT_CONFIG = '/etc/tagwave/client.yml';
export const DEFAULT_TIMEOUT_SECONDS = 30;
/** Enough that a fleet's servers are not all reloaded in one moment. */
export const DEFAULT_WATCH_SPLAY_SECONDS = 10;
export const DEFAULT_INTERVAL_MINUTES = 30;

const TRUE = new Set(['true', 'yes', 'on', '1']);
const FALSE = new Set(['false', 'no', 'off', '0']);

function parseSwitch(text: string): boolean | undefined {
  const word = text.toLowerCase();
  return TRUE.has(word) ? true : FALSE.has(word) ? false : undefined;
}

/** Credentials are refused as they would end up in messages and in the state file. */
export function parseServer(text: string): URL | undefined {
  const url = urlOf(text);
  if (url === undefined || !/^https?:\/\//i.test(text)) return undefined;
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '' ? url : undefined;
}

function urlOf(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

function parseWhole(text: string, [least, most]: readonly [number, number]): number | undefined {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  return value !== undefined && value >= least && value <= most ? value : undefined;
}

const PATH = {
  kind: 'value',
  placeholder: 'FILE',
  expected: 'an absolute path',
  parse: (text: string): string | undefined => (text.startsWith('/') && !text.includes('\0') ? text : undefined),
} as const;
const SWITCH = { kind: 'switch', expected: 'true or false', parse: parseSwitch } as const;

export const KEYS: readonly Key[] = [
  {
    name: 'server',
    kind: 'list',
    placeholder: 'URL',
    help: 'where to ask; repeat it for servers that stand in for each other',
    expected: 'the URL of a server, as in https://tagwave.example.com:8420, without credentials, ? and #',
    parse: parseServer,
  },
  {
    name: 'hostname',
    kind: 'value',
    placeholder: 'NAME',
    help: "ask as this host (default: the machine's own name)",
    expected: 'a host name of letters, digits, hyphens and dots',
    parse: parseHostname,
  },
  {
    name: 'target',
    kind: 'value',
    placeholder: 'DIR',
    help: `where releases, current and state.json are (default: ${DEFAULT_TARGET})`,
    expected: 'a directory',
    parse: (text) => (text === '' || text.includes('\0') ? undefined : text),
  },
  {
    name: 'root',
    kind: 'value',
    placeholder: 'DIR',
    help: 'put the files onto this tree, as in /, instead of using them as releases below the target',
    expected: 'an absolute directory',
    parse: (text) => (text.startsWith('/') && !text.includes('\0') ? text : undefined),
  },
  {
    name: 'tag',
    kind: 'value',
    placeholder: 'TAG',
    help: 'ask for this tag, or for trunk, instead of the scheduled one',
    expected: 'a tag, as in etchautotag-20261120-0800, or trunk',
    parse: (text) => (text === 'trunk' ? text : parseTagName(text)),
  },
  {
    name: 'splay',
    kind: 'value',
    placeholder: 'SECONDS',
    help: `wait for this host's share of so many seconds first (default: 0; with watch: ${DEFAULT_WATCH_SPLAY_SECONDS})`,
    expected: 'seconds from 0 to 86400',
    parse: (text) => parseWhole(text, [0, 86_400]),
  },
  {
    name: 'interval',
    kind: 'value',
    placeholder: 'MINUTES',
    help: `the longest between two runs of watch (default: ${DEFAULT_INTERVAL_MINUTES})`,
    expected: 'minutes from 1 to 1440',
    parse: (text) => parseWhole(text, [1, 1440]),
  },
  {
    name: 'disable-file',
    help: `where this exists, nothing is done; its text is the reason (default: ${DEFAULT_DISABLE_FILE})`,
    ...PATH,
  },
  {
    name: 'timeout',
    kind: 'value',
    placeholder: 'SECONDS',
    help: `how long a server may be silent (default: ${DEFAULT_TIMEOUT_SECONDS})`,
    expected: 'seconds from 1 to 3600',
    parse: (text) => parseWhole(text, [1, 3600]),
  },
  {
    name: 'token-file',
    help: "the secret that this host shows to servers, which nobody else may read (default: 'token' in the target)",
    ...PATH,
  },
  {
    name: 'ca',
    help: 'whom to believe about servers, in PEM (default: all CAs that Node knows)',
    ...PATH,
  },
  { name: 'cert', help: "this host's own certificate, in PEM", ...PATH },
  { name: 'key', help: 'the key of that certificate, which nobody else may read', ...PATH },
  {
    name: 'rotate-days',
    kind: 'value',
    placeholder: 'DAYS',
    help: 'replace the token when it is so old (default: 0, never)',
    expected: 'days from 0 to 3650',
    parse: (text) => parseWhole(text, [0, 3650]),
  },
  {
    name: 'fact',
    kind: 'list',
    isMap: true,
    placeholder: 'NAME=VALUE',
    help: 'say this of the host with every report, besides os, os_version, arch and kernel; repeat it for more',
    expected: 'NAME=VALUE with a name of letters, digits, dots, hyphens and underscores that begins with a letter',
    parse: parseFact,
  },
  { name: 'verify', help: 'read every file of what is in use, whatever is remembered of how it looked', ...SWITCH },
  { name: 'dry-run', help: 'tell what would change, and change nothing', ...SWITCH },
  { name: 'detailed-exitcode', help: 'with --dry-run: exit 6 when something would change', ...SWITCH },
  { name: 'verbose', help: 'tell every step, and repeat what was told before', ...SWITCH },
  { name: 'json', help: 'print one JSON object instead', ...SWITCH },
];
