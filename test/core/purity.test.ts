import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PURE_PACKAGES = new Set(['zod', 'zod/mini', 'yaml', 'diff', 'node:crypto']);
const PURE_FOLDERS = ['server/core', 'protocol'];
const CRYPTO_NAMES = new Set(['hash', 'createHash', 'timingSafeEqual']);

const IMPORT = /^\s*(?:import|export)\s+(?:type\s+)?(?:([^'";]*?)\s+from\s+)?'([^']+)'/gm;
const OTHER_IMPORT = /\b(?:import|require)\s*\(/;
const EFFECT =
  /\b(?:Date\.now|Math\.random|performance\.|process\.|setTimeout|setInterval|setImmediate|fetch\(|crypto\.|console\.)|new Date\(\)/;

const CORE_FILES = PURE_FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name)),
);

describe.each(CORE_FILES)('%s', (file) => {
  const text = readFileSync(join(ROOT, file), 'utf8');

  it('imports nothing with effects, and no part that might', () => {
    expect(arrowsFrom(file, text).filter(({ target, names }) => !isPure(target, names))).toEqual([]);
    expect(text).not.toMatch(OTHER_IMPORT);
  });

  it('reads no clock, no chance and no surroundings', () => {
    expect(withoutComments(text)).not.toMatch(EFFECT);
  });
});

describe('this test', () => {
  it('sees the files of the core', () => {
    expect(CORE_FILES).toEqual(
      expect.arrayContaining(['server/core/decide.ts', 'server/core/choose.ts', 'protocol/names.ts']),
    );
  });

  it.each([
    "import { readFileSync } from 'node:fs';",
    "import type { Clock } from '../../server/ports/common.ts';",
    "import {\n  a,\n  b,\n} from '../adapters/clock.ts';",
    "import 'winston';",
    "export { something } from '../operations/mark.ts';",
    "import { randomBytes } from 'node:crypto';",
    "import * as crypto from 'node:crypto';",
  ])('would notice %j', (line) => {
    const [arrow] = arrowsFrom('server/core/decide.ts', `${line}\n`);
    expect(arrow && isPure(arrow.target, arrow.names)).toBe(false);
  });

  it.each(['const at = Date.now();', 'const at = new Date();', 'if (Math.random() < 1) {', 'process.env.HOME'])(
    'would notice %j',
    (line) => {
      expect(line).toMatch(EFFECT);
    },
  );
});

interface Arrow {
  /** A file below the root, or the name of a package. */
  readonly target: string;
  readonly names: string;
}

function arrowsFrom(file: string, text: string): Arrow[] {
  return [...text.matchAll(IMPORT)].map(([, names = '', target = '']) => ({
    target: target.startsWith('.') ? relative(ROOT, join(ROOT, dirname(file), target)) : target,
    names,
  }));
}

function isPure(target: string, names: string): boolean {
  if (target === 'node:crypto')
    return names
      .replace(/[{}\s]/g, '')
      .split(',')
      .every((name) => CRYPTO_NAMES.has(name));
  return PURE_PACKAGES.has(target) || PURE_FOLDERS.some((folder) => target.startsWith(`${folder}/`));
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}
