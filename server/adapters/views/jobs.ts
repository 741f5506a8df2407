import type { Digest, ObjectId } from '../../../protocol/names.ts';
import type { NodeInputs } from '../../core/node-inputs.ts';
import type { Limits } from './limits.ts';
import type { Contents } from './nodes.ts';
import { openViews } from './views.ts';

interface Setting {
  readonly stateDir: string;
  readonly limits: Limits;
}

/** What a thread does for those whose views it makes: each takes and gives what can be copied. */
export function openViewJobs({ stateDir, limits: atFirst }: Setting, repository: Contents) {
  let limits = atFirst;
  const views = openViews({ stateDir, repository, limits: () => limits });

  const within = (now: Limits): typeof views => {
    limits = now;
    return views;
  };

  return {
    ofTree: views.ofTree,
    isOneForAll: views.isOneForAll,
    isCommon: views.isCommon,
    handedOut: views.handedOut,

    /** `facts`: null where everybody gets this view of the tree. */
    async ofNode(tree: ObjectId, node: NodeInputs) {
      const view = await views.ofNode(tree, node);
      return { view, facts: await views.factsOf(tree), isCommon: await views.isCommon(view.digest) };
    },

    flaws: views.flaws,

    async preview(tree: ObjectId, node: NodeInputs) {
      return (await views.preview(tree, node)).entries;
    },

    async previewedContent(tree: ObjectId, node: NodeInputs, path: string) {
      return (await views.preview(tree, node)).content(path);
    },

    manifest: (digest: Digest, now: Limits) => within(now).manifest(digest),
    packedManifest: (digest: Digest, now: Limits) => within(now).packedManifest(digest),
    archive: (digest: Digest, now: Limits) => within(now).archive(digest),
    delta: ({ from, to }: { readonly from: Digest; readonly to: Digest }, now: Limits) => within(now).delta(from, to),
    /** Goes on by itself: what fails is told to whoever asks for it. */
    prepare(tree: ObjectId, nodes: readonly NodeInputs[], before: ObjectId | undefined, now: Limits): void {
      within(now)
        .prepare(tree, nodes, before)
        .catch(() => undefined);
    },

    stop(): void {
      views.close().catch(() => undefined);
    },
    close: views.close,
    prune: (keep: readonly ObjectId[], before: number, now: Limits) => within(now).prune(keep, before),
  };
}

export type ViewJobs = ReturnType<typeof openViewJobs>;
