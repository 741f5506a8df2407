import type { ObjectId } from '../../../protocol/names.ts';
import type { Commit } from '../../ports/repository.ts';

export interface ParsedCommit extends Commit {
  readonly parents: readonly ObjectId[];
}

/**
 * A commit as git stores it, shown as `git log` would with `%an <%ae>`, `%ct` and `%s`. Undefined where that takes more than
 * reading: another encoding, or lines that are not as git writes them.
 */
export function parseCommit(id: ObjectId, content: Buffer): ParsedCommit | undefined {
  const end = content.indexOf('\n\n');
  const header = content.toString('utf8', 0, end === -1 ? content.length : end);
  const tree = /^tree ([0-9a-f]+)$/m.exec(header)?.[1];
  const author = /^author ([^<>\n]*)<([^<>\n]*)> -?\d+ [-+]\d+$/m.exec(header);
  const committer = /^committer [^<>\n]*<[^<>\n]*> (\d+) [-+]\d+$/m.exec(header);
  if (tree === undefined || author === null || committer === null || /^encoding /m.test(header)) return undefined;
  const [, name = '', address = ''] = author;
  return {
    id,
    tree: tree as ObjectId,
    parents: [...header.matchAll(/^parent ([0-9a-f]+)$/gm)].map(([, parent = '']) => parent as ObjectId),
    author: `${name.trimEnd()} <${address}>`,
    subject: end === -1 ? '' : subjectOf(content.toString('utf8', end + 2)),
    committedAt: Number(committer[1]) * 1000,
  };
}

/** The first paragraph, in one line. */
function subjectOf(message: string): string {
  const [text = ''] = message.split('\0', 1);
  const lines = text.split('\n').map((line) => line.replace(/[ \t\r]+$/, ''));
  const first = lines.findIndex((line) => line !== '');
  if (first === -1) return '';
  const last = lines.indexOf('', first);
  return lines.slice(first, last === -1 ? lines.length : last).join(' ');
}
