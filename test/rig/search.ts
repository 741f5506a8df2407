// Once around the whole run: what was found wherever, also after the last test of a file, fails it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function setup(): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'tagwave-findings-'));
  const file = join(directory, 'findings');
  writeFileSync(file, '');
  process.env['TAGWAVE_TEST_FINDINGS'] = file;
  return () => {
    const found = readFileSync(file, 'utf8');
    rmSync(directory, { recursive: true });
    if (found === '') return;
    process.exitCode = 1;
    throw new Error(`secrets were found where none may be:\n${found}`);
  };
}
