import { readFileSync } from 'node:fs';

/** The login name of a user id, from /etc/passwd; `uid 1234` where it has none. */
export function accountName(uid: number): string {
  return account(uid)?.name ?? `uid ${uid}`;
}

/** Login name and home directory of a user id, as /etc/passwd has them. */
export function account(uid: number): { readonly name: string; readonly home: string } | undefined {
  for (const line of passwd().split('\n')) {
    const [name, , id, , , home] = line.split(':');
    if (id === String(uid) && name && home) return { name, home };
  }
  return undefined;
}

function passwd(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return '';
  }
}
