import type { ManifestEntry } from '../../protocol/manifest.ts';
import type { Owners } from '../core/drift.ts';
import type { Failure } from '../core/failure.ts';
import { run } from './process.ts';

/** The numbers behind the owners and groups that a manifest names; undefined where it says nothing of an entry. */
export type Accounts = (entry: Pick<ManifestEntry, 'owner' | 'group'> | undefined) => Owners;

export type FoundAccounts =
  | { readonly kind: 'found'; readonly accounts: Accounts }
  | { readonly kind: 'failed'; readonly failure: Failure };

type Database = 'passwd' | 'group';

const LOOKUP_LIMIT_MS = 20_000;
const NOBODY_IN_PARTICULAR: Owners = { uid: undefined, gid: undefined };

/**
 * Looks up every owner and group that a manifest names, as this host knows them. Fails for one that is unknown, and for one
 * that whoever runs this cannot give: before anything is staged, as nothing must belong to somebody else instead.
 */
export async function findAccounts(entries: readonly ManifestEntry[]): Promise<FoundAccounts> {
  const owned = entries.filter(({ owner, group }) => owner !== undefined || group !== undefined);
  if (owned.length === 0) return { kind: 'found', accounts: () => NOBODY_IN_PARTICULAR };
  const users = await numbersOf('passwd', new Set(owned.flatMap(({ owner }) => owner ?? [])));
  const groups = await numbersOf('group', new Set(owned.flatMap(({ group }) => group ?? [])));
  for (const entry of owned) {
    const failure =
      flawOf('user', entry.owner, { numbers: users, mayGive: mayGiveTo }) ??
      flawOf('group', entry.group, { numbers: groups, mayGive: mayGiveToGroup });
    if (failure !== undefined)
      return { kind: 'failed', failure: { ...failure, sentence: `${entry.path} ${failure.sentence}` } };
  }
  const numberIn = (numbers: ReadonlyMap<string, number>, name: string | undefined): number | undefined =>
    name === undefined ? undefined : numbers.get(name);
  return {
    kind: 'found',
    accounts: (entry) => ({ uid: numberIn(users, entry?.owner), gid: numberIn(groups, entry?.group) }),
  };
}

/** Digits are taken as they are; names that are not known are left out. */
async function numbersOf(database: Database, names: ReadonlySet<string>): Promise<Map<string, number>> {
  const numbers = new Map<string, number>();
  for (const name of names) {
    const number = /^\d+$/.test(name) ? Number(name) : await numberOf(database, name);
    if (number !== undefined) numbers.set(name, number);
  }
  return numbers;
}

async function numberOf(database: Database, name: string): Promise<number | undefined> {
  const { stdout } = await run({ command: 'getent', args: [database, name], timeoutMs: LOOKUP_LIMIT_MS });
  const number = stdout.split(':', 3)[2];
  return number !== undefined && /^\d+$/.test(number) ? Number(number) : undefined;
}

function flawOf(
  kind: 'user' | 'group',
  name: string | undefined,
  { numbers, mayGive }: { readonly numbers: ReadonlyMap<string, number>; mayGive(number: number): boolean },
): Failure | undefined {
  if (name === undefined) return undefined;
  const number = numbers.get(name);
  if (number === undefined)
    return {
      sentence: `is to belong to the ${kind} ${name}, which this host does not know`,
      hint: `Nothing was changed. Make the ${kind} (getent ${kind === 'user' ? 'passwd' : 'group'} ${name} must find it), or correct 'files' in deploy.yml.`,
    };
  if (mayGive(number)) return undefined;
  return {
    sentence: `is to belong to the ${kind} ${name}, which only root could arrange`,
    hint: "Nothing was changed. Run as root, or correct 'files' in deploy.yml.",
  };
}

function mayGiveTo(uid: number): boolean {
  const own = process.geteuid?.();
  return own === 0 || own === uid;
}

function mayGiveToGroup(gid: number): boolean {
  return process.geteuid?.() === 0 || process.getegid?.() === gid || (process.getgroups?.().includes(gid) ?? false);
}

/** An owner that this host does not know any more is not compared: the next release that names it fails, and says so. */
export async function knownAccounts(entries: readonly ManifestEntry[]): Promise<Accounts> {
  const found = await findAccounts(entries);
  return found.kind === 'found' ? found.accounts : () => ({ uid: undefined, gid: undefined });
}
