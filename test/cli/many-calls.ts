import { join } from 'node:path';
import { execa } from 'execa';
import { gitEnvironment } from '../rig/git.ts';

export interface Called {
  readonly args: readonly string[];
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Many command lines in one process, for those that end before they do much: starting Node takes most of their time. */
export async function manyCalls(
  calls: readonly (readonly string[])[],
  env: Readonly<Record<string, string>> = {},
): Promise<Called[]> {
  const script = join(import.meta.dirname, 'many-calls-child.ts');
  const { stdout, stderr } = await execa(process.execPath, ['--import', 'tsx', script, JSON.stringify(calls)], {
    env: { ...gitEnvironment(), TAGWAVE_SETTLE_SECONDS: '0.1', ...env },
  });
  const [outs, errs] = [stdout.split('\x1e'), stderr.split('\x1e')];
  return calls.map((args, index) => {
    const [, out = '', code = ''] = /^(.*?)(\d)$/s.exec(outs[index] ?? '') ?? [];
    return { args, code: Number(code || Number.NaN), stdout: out, stderr: errs[index] ?? '' };
  });
}
