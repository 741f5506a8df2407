import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

export interface BuiltProject {
  readonly directory: string;
}

/** A directory for programs, whose code is not searched for secrets: it knows how they look. */
export function programDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tagwave-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** The project as it is released, built from the sources as they are now, in a directory of its own; made once for a test file. */
export function useBuiltProject(): () => BuiltProject {
  let directory: string | undefined;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'tagwave-test-'));
    const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] };
    for (const name of [
      'package.json',
      'package-lock.json',
      'packaging',
      ...files.filter((file) => !/^!?dist/.test(file)),
    ])
      cpSync(join(ROOT, name), join(directory, name), { recursive: true, verbatimSymlinks: true });
    execFileSync(process.execPath, ['build.mjs', join(directory, 'dist')], { cwd: ROOT });
    symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  });
  afterAll(() => {
    if (directory !== undefined) rmSync(directory, { recursive: true });
  });
  return () => {
    if (directory === undefined) throw new Error('the project is not built yet');
    return { directory };
  };
}

/** Puts what the released package needs into a directory `node_modules`, as npm would install it without what is for developers. */
export function installDependencies(modules: string): void {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
  };
  for (const [path, { dev, optional, devOptional }] of Object.entries(packages)) {
    // Those that lie within another come with it.
    if (!/^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) || dev || optional || devOptional) continue;
    const to = join(modules, path.slice('node_modules/'.length));
    mkdirSync(dirname(to), { recursive: true });
    cpSync(join(ROOT, path), to, { recursive: true, verbatimSymlinks: true });
  }
}
