import type { BriefNode, NodeFiles } from '../../../../protocol/api/nodes.ts';
import type { ShownTag } from '../../../../protocol/api/tags.ts';
import { useData } from '../../data.ts';
import { Empty, Loaded } from '../../parts/states.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { becomeWith } from '../../place.ts';
import type { Place } from '../../router.ts';
import { kindOf } from '../../tag-name.ts';
import { bytes, count, grouped } from '../../words.ts';
import { Changes } from '../parts/changes.tsx';
import { joinList, splitList } from '../parts/list.ts';
import { TagSelect } from '../parts/tag-select.tsx';

interface Props {
  readonly node: BriefNode;
  readonly place: Place;
}

/** A node's own files of a tag, rendered as it gets them; compared with another tag's where one is chosen. */
export function Files({ node, place }: Props) {
  const tags = useData<{ tags: readonly ShownTag[] }>('v1/tags', ['tags']).value?.tags ?? [];
  const names = tags.filter(({ broken }) => broken === null).map(({ name }) => name);
  const tag = place.query['tag'] ?? chosenFor(node);
  const against = place.query['against'] ?? '';
  const path = `v1/nodes/${encodeURIComponent(node.hostname)}`;
  return (
    <>
      <div class="row files-head">
        <TagSelect label="Files of" value={tag ?? ''} tags={names} onChange={(name) => becomeWith({ tag: name })} />
        <TagSelect
          label="compared with"
          value={against}
          tags={names}
          none="no other"
          onChange={(name) => becomeWith({ against: name, file: undefined })}
        />
      </div>
      {tag === null ? (
        <Empty title="It is given nothing and runs nothing that is known">
          <p>Choose a tag to see what this node would get of it.</p>
        </Empty>
      ) : against === '' ? (
        <FileList url={`${path}/files?tag=${tag}`} place={place} />
      ) : (
        <Changes
          url={`${path}/diff?from=${against}&to=${tag}`}
          open={splitList(place.query['file'])}
          onOpen={(open) => becomeWith({ file: joinList(open) })}
        />
      )}
    </>
  );
}

/** What it is due, or else what it runs. */
function chosenFor({ due, running }: BriefNode): string | null {
  return [due, running].find((answer) => ['tag', 'trunk'].includes(kindOf(answer))) ?? null;
}

type ViewFile = NodeFiles['files'][number];

const COLUMNS: readonly Column<ViewFile>[] = [
  { key: 'path', title: 'Path', cell: ({ path }) => <code class="file-path">{path}</code> },
  { key: 'mode', title: 'Kind', isMinor: true, cell: kindOfFile },
  {
    key: 'owner',
    title: 'Owner',
    isMinor: true,
    cell: ({ owner, group }) => [owner, group].filter(Boolean).join(':') || '–',
  },
  { key: 'size', title: 'Size', isNumber: true, cell: ({ size }) => bytes(size) },
  {
    key: 'sha256',
    title: 'SHA-256',
    isMinor: true,
    cell: ({ sha256 }) => <code title={sha256}>{sha256.slice(0, 12)}</code>,
  },
];

function kindOfFile({ mode, perm }: ViewFile): string {
  const kind = mode === '120000' ? 'link' : mode === '100755' ? 'executable' : 'file';
  return perm === undefined ? kind : `${kind}, ${perm}`;
}

/** More than that and a browser takes its time. */
const MOST = 500;

function FileList({ url, place }: { readonly url: string; readonly place: Place }) {
  const data = useData<NodeFiles>(url, []);
  const path = place.query['path'] ?? '';
  return (
    <Loaded data={data} what="its files" rem={16}>
      {({ files, digest, tag }) => {
        const found = files.filter((file) => file.path.includes(path));
        return (
          <>
            <div class="row files-found">
              <input
                type="search"
                aria-label="Search by path"
                placeholder="Search by path"
                value={path}
                onInput={(event) => becomeWith({ path: event.currentTarget.value })}
              />
              <span class="quiet" role="status">
                {found.length === files.length ? '' : `${grouped(found.length)} of `}
                {count(files.length, 'entry', 'entries')}, <code title={digest}>{digest.slice(0, 23)}…</code>
              </span>
            </div>
            <Table
              caption={`Files of ${tag}`}
              columns={COLUMNS}
              rows={found.slice(0, MOST)}
              keyOf={({ path: name }) => name}
            />
            {found.length > MOST ? <p class="quiet">And {grouped(found.length - MOST)} more: search by path.</p> : null}
          </>
        );
      }}
    </Loaded>
  );
}
