import { accessSync, constants, existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  ETCH_FILES,
  type EtchFileName,
  type EtchFound,
  type FoundFile,
  type FoundTrunk,
} from '../../core/etch/found.ts';
import type { Attempt } from '../../ports/common.ts';
import type { EtchDirectory } from '../../ports/etch.ts';
import { LIMIT_BYTES } from '../files/control-files.ts';
import { errorCode, reasonOf } from '../files/failure.ts';
import { lookAtKillswitch } from '../files/killswitch.ts';
import { runExecutable } from '../programs/executable.ts';
import { tagsBelow } from './tags.ts';

/** As long as hosts would wait for it. */
const PROGRAM_SECONDS = 5;

/** Looks at an etch server's directory, and asks its programs as etch does. Changes nothing in it. */
export function openEtchDirectory(directory: string): EtchDirectory {
  const ask = (name: EtchFileName) => {
    const place = placesOf(directory, name).find((path) => existsSync(path)) ?? join(directory, name);
    return (hostname: Parameters<EtchDirectory['askNodetagger']>[0]) =>
      runExecutable(place, hostname, { base: directory, seconds: PROGRAM_SECONDS });
  };
  return {
    look: () => look(directory),
    async askNodetagger(hostname) {
      const answer = await ask('nodetagger')(hostname);
      return 'failed' in answer ? answer : { text: answer.text.split('\n', 1)[0]?.trim() ?? '' };
    },
    async askNodegrouper(hostname) {
      const answer = await ask('nodegrouper')(hostname);
      if ('failed' in answer) return answer;
      return {
        groups: answer.text
          .split('\n')
          .map((line) => line.trim())
          .filter((line) => line !== ''),
      };
    },
  };
}

async function look(directory: string): Promise<Attempt<EtchFound>> {
  try {
    if (!statSync(directory).isDirectory()) return refused(`${directory} is no directory`);
    const { global } = lookAtKillswitch(directory);
    const files = Object.fromEntries(ETCH_FILES.map((name) => [name, fileOf(directory, name)])) as EtchFound['files'];
    const names = readdirSync(directory).sort();
    const tags = await tagsBelow(join(directory, 'tags'));
    const isEtch = names.some((name) => ['tags', 'trunk', 'nodetagger', 'tagstate', 'source'].includes(name));
    if (!isEtch) return refused(`${directory} has neither tags, trunk, source, nodetagger nor tagstate`);
    const known = new Set<string>([...ETCH_FILES, 'killswitch', 'tags', 'trunk', '.git', '.svn', '.hg', 'CVS']);
    const others = names.filter((name) => !known.has(name));
    return { ok: true, value: { directory, files, killswitch: global, tags, trunk: trunkOf(directory), others } };
  } catch (error) {
    if (errorCode(error) === '') throw error;
    const path = error instanceof Error && 'path' in error ? String(error.path) : directory;
    return refused(`${path} cannot be read: ${reasonOf(error)}`);
  }
}

function refused(sentence: string): Attempt<never> {
  return {
    ok: false,
    sentence,
    hint: 'name the directory of an etch server, as /etc/etchserver, and run this as a user who may read it',
  };
}

/** What belongs to a tag, etch reads in the tag; the directory itself is a tag, where no other is named. */
function placesOf(directory: string, name: EtchFileName): string[] {
  const own = [join(directory, name)];
  return name === 'tagstate' || name === 'nodetagger' ? own : [...own, join(directory, 'trunk', name)];
}

function fileOf(directory: string, name: EtchFileName): FoundFile {
  const [first, ...rest] = placesOf(directory, name)
    .map(readIfThere)
    .filter((file) => file.kind !== 'absent');
  if (first?.kind !== 'file') return first ?? { kind: 'absent' };
  const others = rest.flatMap((other) => (other.kind === 'file' && other.text !== first.text ? [other.path] : []));
  return { ...first, others };
}

function readIfThere(path: string): FoundFile {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return { kind: 'unreadable', path, why: 'it is no regular file' };
    if (stats.size > LIMIT_BYTES) return { kind: 'unreadable', path, why: 'it is larger than 1 MiB' };
    const content = readFileSync(path);
    if (content.includes(0)) return { kind: 'unreadable', path, why: 'it holds NUL bytes' };
    return {
      kind: 'file',
      path,
      content,
      text: content.toString('utf8'),
      isExecutable: (stats.mode & 0o111) !== 0,
      others: [],
    };
  } catch (error) {
    const isAbsent = errorCode(error) === 'ENOENT' && lstatSync(path, { throwIfNoEntry: false }) === undefined;
    return isAbsent ? { kind: 'absent' } : { kind: 'unreadable', path, why: reasonOf(error) };
  }
}

function trunkOf(directory: string): FoundTrunk | null {
  const trunk = join(directory, 'trunk');
  // Without tags, what etch served was the directory itself.
  const isItself = existsSync(join(directory, 'source')) && !existsSync(join(directory, 'tags'));
  const path = existsSync(trunk) ? trunk : isItself ? directory : null;
  if (path === null) return null;
  accessSync(path, constants.R_OK);
  const kinds = { '.git': 'git', '.svn': 'svn', CVS: 'cvs', '.hg': 'hg' } as const;
  const kept = (['.git', '.svn', 'CVS', '.hg'] as const).find((name) => existsSync(join(path, name)));
  return { path, kind: kept === undefined ? 'plain' : kinds[kept] };
}
