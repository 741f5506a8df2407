import { readFileSync } from 'node:fs';
import { machine, release } from 'node:os';
import { type Facts, parseFact, parseOsRelease } from '../core/facts.ts';

const OS_RELEASE = ['/etc/os-release', '/usr/lib/os-release'];

/** What can be read of this machine without starting a program: `os`, `os_version`, `arch`, `kernel`. What is not known is left out. */
export function machineFacts(files: readonly string[] = OS_RELEASE): Facts {
  const os = osRelease(files);
  const found = { os: os.get('ID'), os_version: os.get('VERSION_ID'), arch: machine(), kernel: release() };
  const isKnown = ([name, value]: [string, string | undefined]): boolean =>
    value !== undefined && value !== '' && parseFact(`${name}=${value}`) !== undefined;
  return Object.fromEntries(Object.entries(found).filter(isKnown)) as Facts;
}

function osRelease(files: readonly string[]): Map<string, string> {
  for (const file of files) {
    try {
      return parseOsRelease(readFileSync(file, 'utf8'));
    } catch {}
  }
  return new Map();
}
