import { Readable } from 'node:stream';
import { execa } from 'execa';

/** A bare repository to be released from, made without a work tree, which takes longest of all. */
export interface Source {
  /** One more commit, of ten files in ten directories, as if it were made at an instant. */
  commit(at: number): Promise<void>;
}

export interface SourceOptions {
  readonly files: number;
  /** Milliseconds since 1970, of the first commit. */
  readonly committedAt: number;
  /** How many times larger than the usual KiB the files are on average. */
  readonly scale?: number;
}

/** As no configuration of this machine's user would have it. */
export const GIT_ENVIRONMENT = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };

const CHANGED_FILES = 10;
/** Of files in a directory, and of directories in one above. */
const BREADTH = 50;

export async function makeSource(directory: string, { files, committedAt, scale = 1 }: SourceOptions): Promise<Source> {
  const env = GIT_ENVIRONMENT;
  await execa('git', ['init', '--quiet', '--bare', '--initial-branch=main', directory], { env });
  const importing = (lines: Iterable<string>) =>
    execa('git', ['-C', directory, 'fast-import', '--quiet'], { env, input: Readable.from(lines) });
  let version = 0;
  await importing(commitOf({ at: committedAt, version, scale, numbers: range(files) }));
  return {
    async commit(at) {
      version++;
      const apart = Math.floor(files / CHANGED_FILES);
      const numbers = range(CHANGED_FILES).map((index) => (index * apart + version) % files);
      await importing(commitOf({ at, version, scale, numbers }));
    },
  };
}

interface Change {
  readonly at: number;
  readonly version: number;
  readonly scale: number;
  readonly numbers: readonly number[];
}

/** A commit in the words of `git fast-import`. */
function* commitOf({ at, version, scale, numbers }: Change): Generator<string> {
  const subject = `Version ${version}`;
  yield `commit refs/heads/main\ncommitter Bench <bench@example.com> ${Math.floor(at / 1000)} +0000\n`;
  yield `data ${subject.length}\n${subject}\n`;
  if (version > 0) yield 'from refs/heads/main^0\n';
  for (const number of numbers) {
    const text = contentOf(number, version, scale);
    yield `M 100644 inline ${pathOf(number)}\ndata ${text.length}\n${text}\n`;
  }
}

function pathOf(number: number): string {
  const directory = Math.floor(number / BREADTH);
  return `site${Math.floor(directory / BREADTH)}/service${directory % BREADTH}/${number % BREADTH}.conf`;
}

/** ASCII, 200 bytes to 2 KiB times `scale`, and no two alike. */
function contentOf(number: number, version: number, scale: number): string {
  const lines = range((8 + (number % 64)) * scale).map((line) => {
    const value = Math.imul(number * 64 * scale + line + 1, 0x9e3779b1) >>> 0;
    return `setting_${line} = ${value.toString(36)}`;
  });
  return `# file ${number}, version ${version}\n${lines.join('\n')}\n`;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
