import { parseCommit } from '../../../server/adapters/git/commit-object.ts';
import { parseTips } from '../../../server/adapters/git/fetch-log.ts';
import { parseRefs } from '../../../server/adapters/git/refs.ts';
import { readTagObject } from '../../../server/adapters/git/tag-object.ts';
import { parseTree } from '../../../server/adapters/git/tree-object.ts';
import { OUTPUT_LIMIT, parseTemplate } from '../../../server/adapters/templates/liquid.ts';
import { readDropped } from '../../../server/core/chain.ts';
import { marksFromJson } from '../../../server/core/marks.ts';
import { textsOf } from '../inputs.ts';
import { must, type Target, target } from '../target.ts';

const ID = 'a'.repeat(40);
const GIT = [
  ...[
    `tree ${ID}\n`,
    `parent ${ID}\n`,
    'author A <a@b> 1700000000 +0000\n',
    'committer C <c@d> 1700000000 +0000\n',
    '\n\n',
  ],
  ...[
    'committer C <c@d> 99999999999999999 +0000\n',
    'encoding x\n',
    'gpgsig -----BEGIN\n',
    'subject',
    '100644 a\0',
    '40000 d\0',
  ],
  ...[
    '100644 ..\0',
    '120000 a/b\0',
    'x'.repeat(20),
    `{"at":"2026-11-20T08:00:00Z","commit":"${ID}"}\n`,
    '"at":"+275760-09-13T00:00:00Z"',
  ],
  ...[
    `object ${ID}\ntype commit\ntag etchautotag-20261120-0800\n`,
    `${ID} refs/tagwave/tags/x\n`,
    '{"origin":"late"}',
    '{"marks":[]}',
  ],
];

export const stored: Target = target({
  name: 'stored',
  weight: 2,
  words: GIT,
  inputs: textsOf(GIT, ['', '', '\n']),
  check(input) {
    const text = input.toString();
    const commit = parseCommit(ID as never, input);
    if (commit !== undefined) must(commit.committedAt >= 0, 'a commit has a time', text);
    for (const { at } of parseTips(text)) must(!Number.isNaN(new Date(at).getTime()), 'a fetch has a time', at);
    const tag = readTagObject(text, 'etchautotag-20261120-0800');
    if (!tag.ok) must(tag.why.length > 0, 'what is refused says why');
    let lines: ReturnType<typeof parseTree> = [];
    try {
      lines = parseTree(input, 20);
    } catch (error) {
      must(
        error instanceof Error && error.message === 'a tree is cut off',
        'a tree is refused in words',
        String(error),
      );
    }
    for (const { name } of lines) must(!name.includes(0), 'a name has no NUL');
    parseRefs(text);
    const marks = marksFromJson(text);
    if (!marks.ok) must(marks.sentence.length > 0, 'what is refused says why');
    readDropped(text);
  },
});

const LIQUID = [
  ...[
    '{{ ',
    ' }}',
    '{% ',
    ' %}',
    '{%- ',
    ' -%}',
    'if a',
    'endif',
    'for i in (1..9)',
    'endfor',
    'assign a = ',
    'capture b',
    'endcapture',
  ],
  ...[
    'a',
    'b.c',
    '[a]',
    "['__proto__']",
    'constructor',
    'groups',
    '| append: a',
    '| split: ""',
    '| join: a',
    '| replace: "a", "aa"',
  ],
  ...[
    '(1..100000)',
    '| times: 9',
    'raw',
    'endraw',
    'comment',
    'endcomment',
    'case a',
    'when 1',
    'endcase',
    'else',
    'tablerow',
    'include "/etc/passwd"',
    'cycle a, b',
    '| strip_html',
    '| date',
  ],
];

const SCOPE = { a: ['x', 'y'], b: { c: 'z' }, groups: ['prod'], hostname: 'web1' };

export const templates: Target = target({
  name: 'templates',
  weight: 1,
  words: LIQUID,
  inputs: textsOf(LIQUID, ['', ' ', '\n']),
  check(input) {
    const text = input.toString();
    const parsed = parseTemplate(text);
    if ('flaw' in parsed) {
      must(parsed.flaw.what.length > 0 && parsed.flaw.line >= 1, 'a template is refused in words', parsed.flaw);
      return;
    }
    const scope = structuredClone(SCOPE);
    const made = parsed.template.render(scope);
    if ('text' in made) {
      must(made.text.length <= OUTPUT_LIMIT, 'a template becomes no more than the limit', made.text.length);
      const again = parsed.template.render(scope);
      must('text' in again && again.text === made.text, 'a template always becomes the same', text);
    }
    must(JSON.stringify(scope) === JSON.stringify(SCOPE), 'a template changes nothing of what it sees', scope);
  },
});
