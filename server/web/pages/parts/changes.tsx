import type { ChangedFile, Comparison } from '../../../../protocol/api/changes.ts';
import { useData } from '../../data.ts';
import { Diff } from '../../parts/diff.tsx';
import { Loaded } from '../../parts/states.tsx';
import { count, grouped } from '../../words.ts';
import { toggled } from './list.ts';

interface Props {
  /** Where the comparison is to be had: `v1/diff?from=…&to=…`. */
  readonly url: string;
  /** The files whose patch is shown. */
  readonly open: readonly string[];
  readonly onOpen: (open: readonly string[]) => void;
}

/** In what two tags differ: the files, and of each its patch when it is asked for. */
export function Changes({ url, open, onOpen }: Props) {
  const data = useData<Comparison>(url, []);
  return (
    <Loaded data={data} what="the difference" rem={8}>
      {({ files, more, size }) =>
        files.length === 0 ? (
          <p class="quiet">Nothing differs.</p>
        ) : (
          <div class="difference-list">
            <p class="changes-size">
              {count(size.files, 'file')} <Lines insertions={size.insertions} deletions={size.deletions} />
            </p>
            <ul class="plain-list">
              {files.map((file) => (
                <File
                  key={file.path}
                  file={file}
                  url={url}
                  isOpen={files.length === 1 || open.includes(file.path)}
                  onToggle={files.length === 1 ? null : () => onOpen(toggled(open, file.path))}
                />
              ))}
            </ul>
            {more === 0 ? null : <p class="quiet">And {count(more, 'more file')}.</p>}
          </div>
        )
      }
    </Loaded>
  );
}

interface FileProps {
  readonly file: ChangedFile;
  readonly url: string;
  readonly isOpen: boolean;
  /** Null = always open. */
  readonly onToggle: (() => void) | null;
}

const SIGNS: Readonly<Record<ChangedFile['status'], string>> = {
  added: '+',
  modified: '~',
  deleted: '−',
  renamed: '→',
  type: '≠',
};

function File({ file, url, isOpen, onToggle }: FileProps) {
  const { path, oldPath, status, insertions, deletions } = file;
  const name = (
    <>
      <span class={`change change-${status}`} aria-hidden="true">
        {SIGNS[status]}
      </span>
      <span class="unseen">{status === 'type' ? 'another type' : status}: </span>
      <span class="change-path">
        {oldPath === null ? null : <span class="quiet">{oldPath} → </span>}
        {path}
      </span>
      <Lines insertions={insertions} deletions={deletions} />
    </>
  );
  return (
    <li>
      {onToggle === null ? (
        <div class="change-name">{name}</div>
      ) : (
        <button type="button" class="plain change-name" aria-expanded={isOpen} onClick={onToggle}>
          {name}
        </button>
      )}
      {isOpen ? <FilePatch url={`${url}&path=${encodeURIComponent(path)}`} /> : null}
    </li>
  );
}

function Lines({ insertions, deletions }: Pick<ChangedFile, 'insertions' | 'deletions'>) {
  if (insertions === null || deletions === null) return <span class="lines quiet">binary</span>;
  return (
    <span class="lines">
      {insertions === 0 ? null : <span class="lines-in">+{grouped(insertions)}</span>}{' '}
      {deletions === 0 ? null : <span class="lines-out">−{grouped(deletions)}</span>}
    </span>
  );
}

function FilePatch({ url }: { readonly url: string }) {
  const data = useData<Comparison>(url, []);
  return (
    <Loaded data={data} what="the patch" rem={5}>
      {({ patch, isPatchCut }) =>
        patch === null || patch === '' ? (
          <p class="quiet">There is nothing of it to show as text.</p>
        ) : (
          <Diff patch={patch} isCut={isPatchCut} />
        )
      }
    </Loaded>
  );
}
