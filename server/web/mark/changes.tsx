import { useState } from 'preact/hooks';
import type { ChangedFile, Comparison, ShownPreview } from '../../../protocol/api/changes.ts';
import { useData } from '../data.ts';
import { Diff } from '../parts/diff.tsx';
import { Loaded } from '../parts/states.tsx';
import { shortTag } from '../tag-name.ts';
import { count, grouped } from '../words.ts';

type Change = ShownPreview['changes'][number];

/** Which files change with each move, and how. */
export function Changes({ changes }: { readonly changes: readonly Change[] }) {
  if (changes.length === 0) return null;
  return (
    <section aria-label="Files that change">
      <h3>Files that change</h3>
      {changes.map((change) => (
        <ChangeList key={`${change.from.name} ${change.to.name}`} change={change} isOpen={changes.length === 1} />
      ))}
    </section>
  );
}

function ChangeList({ change, isOpen }: { readonly change: Change; readonly isOpen: boolean }) {
  const { from, to, size, files, more } = change;
  return (
    <details class="changes" open={isOpen}>
      <summary>
        {shortTag(from.name)} → {shortTag(to.name)}{' '}
        <span class="quiet">
          {count(size.files, 'file')}
          {size.insertions === null ? '' : ` +${grouped(size.insertions)} −${grouped(size.deletions ?? 0)}`}
        </span>
      </summary>
      {files.length === 0 ? <p class="quiet">The files are the same.</p> : null}
      <ul class="plain-list">
        {files.map((file) => (
          <File key={file.path} file={file} from={from.name} to={to.name} />
        ))}
      </ul>
      {more > 0 ? <p class="quiet">and {count(more, 'more file')}</p> : null}
    </details>
  );
}

const STATUS: Readonly<Record<ChangedFile['status'], string>> = {
  added: 'added',
  modified: 'changed',
  deleted: 'removed',
  renamed: 'renamed',
  type: 'other type',
};

interface FileProps {
  readonly file: ChangedFile;
  readonly from: string;
  readonly to: string;
}

/** Its difference is asked for when somebody wants to see it. */
function File({ file, from, to }: FileProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <li>
      <button type="button" class="plain file" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span>
        <span class={`file-status file-${file.status}`}>{STATUS[file.status]}</span>
        <code class="clip">{file.oldPath === null ? file.path : `${file.oldPath} → ${file.path}`}</code>
        <span class="quiet numbers">
          {file.insertions === null ? 'binary' : `+${file.insertions} −${file.deletions ?? 0}`}
        </span>
      </button>
      {isOpen ? <FileDiff from={from} to={to} path={file.path} /> : null}
    </li>
  );
}

function FileDiff({ from, to, path }: { readonly from: string; readonly to: string; readonly path: string }) {
  const data = useData<Comparison>(`v1/diff?${new URLSearchParams({ from, to, path })}`, []);
  return (
    <Loaded data={data} what="the difference" rem={4}>
      {({ patch, isPatchCut }) =>
        patch === null ? (
          <p class="quiet">There is nothing to show as text.</p>
        ) : (
          <Diff patch={patch} isCut={isPatchCut} />
        )
      }
    </Loaded>
  );
}
