import { hostname as ownName } from 'node:os';
import { type Hostname, parseHostname } from '../../protocol/names.ts';
import { runNow } from './process.ts';

const LOOKUP_LIMIT_MS = 3_000;

/**
 * The machine's own name, fully qualified where that can be found out, as `hostname -f` prints it. A name server that does
 * not answer must not make a host somebody else, so then the name found last time (`remembered`) stands.
 * Undefined where the machine has no usable name.
 */
export function machineName(remembered: string | null): Hostname | undefined {
  const own = parseHostname(ownName());
  if (own === undefined || own === 'localhost' || own.startsWith('localhost.')) return undefined;
  if (own.includes('.')) return own;
  const { code, stdout } = runNow({ command: 'hostname', args: ['-f'], timeoutMs: LOOKUP_LIMIT_MS });
  const isOurs = (name: string | undefined): name is Hostname => name?.startsWith(`${own}.`) ?? false;
  const full = code === 0 ? parseHostname(stdout.trim()) : undefined;
  if (isOurs(full)) return full;
  const before = remembered === null ? undefined : parseHostname(remembered);
  return isOurs(before) ? before : own;
}
