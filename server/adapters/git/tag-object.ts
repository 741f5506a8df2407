import { z } from 'zod';
import { hourOf, type ObjectId, parseObjectId, parseTagName } from '../../../protocol/names.ts';
import { ORIGINS, type TagRecord } from '../../core/tag.ts';
import { IDENTITY } from './run.ts';

/** An annotated tag object, as `git mktag` takes it: the record is its message, so that the two cannot part. */
export function tagObject(record: TagRecord): string {
  const tagger = `${IDENTITY.name} <${IDENTITY.email}> ${Math.floor(Date.parse(record.created) / 1000)} +0000`;
  const header = [`object ${record.commit}`, 'type commit', `tag ${record.name}`, `tagger ${tagger}`];
  return `${header.join('\n')}\n\n${JSON.stringify(record)}\n`;
}

const Time = z.iso.datetime();
const Id = z.string().transform((text, context) => {
  const id = parseObjectId(text);
  if (id !== undefined) return id;
  context.addIssue({ code: 'custom', message: 'is no object id' });
  return z.NEVER;
});
const Name = z.string().transform((text, context) => {
  const name = parseTagName(text);
  if (name !== undefined) return name;
  context.addIssue({ code: 'custom', message: 'is no name of a tag' });
  return z.NEVER;
});

const Record = z.object({
  name: Name,
  hour: z.int(),
  broken: z.string().nullable(),
  commit: Id,
  tree: Id,
  author: z.string(),
  subject: z.string(),
  created: Time,
  fetched: Time.nullable(),
  origin: z.enum(ORIGINS),
  stale: z.boolean(),
  commits: z.int().nonnegative().nullable(),
});

export type Reading = { readonly ok: true; readonly record: TagRecord } | { readonly ok: false; readonly why: string };

/** Reads a tag object's content back; it must be the record of the tag that its ref is named for. */
export function readTagObject(content: string, name: string): Reading {
  const end = content.indexOf('\n\n');
  const message = end === -1 ? '' : content.slice(end + 2);
  const parsed = Record.safeParse(jsonOf(message));
  if (!parsed.success) return { ok: false, why: `its record is not valid: ${reasonOf(parsed.error)}` };
  const record = parsed.data;
  if (record.name !== name) return { ok: false, why: `it holds the record of ${record.name}` };
  if (record.hour !== hourOf(record.name)) return { ok: false, why: `its record has the hour ${record.hour}` };
  if (objectOf(content) !== record.commit) return { ok: false, why: 'its record names another commit than the tag' };
  return { ok: true, record };
}

function objectOf(content: string): ObjectId | undefined {
  return parseObjectId(/^object ([0-9a-f]+)\n/.exec(content)?.[1] ?? '');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'unknown';
  return issue.path.length === 0 ? 'its message is not a record' : `${issue.path.join('.')}: ${issue.message}`;
}
