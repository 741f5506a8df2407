import pLimit from 'p-limit';
import type { Digest, ObjectId } from '../../../protocol/names.ts';
import type { NodeInputs } from '../../core/node-inputs.ts';
import type { Known } from './catalogue.ts';
import type { Deltas } from './deltas.ts';
import type { Limits } from './limits.ts';
import type { Maker } from './maker.ts';

interface Parts {
  /** Null = the tree's only view is the whole of it. */
  readonly factsOf: (tree: ObjectId) => Promise<readonly string[] | null>;
  /** Without a node: the whole. */
  readonly viewOf: (tree: ObjectId, node: NodeInputs | undefined) => Promise<Known>;
  readonly maker: Pick<Maker, 'made'>;
  readonly deltas: Pick<Deltas, 'get'>;
  readonly limits: () => Limits;
  readonly isClosing: () => boolean;
}

export interface Expected {
  readonly tree: ObjectId;
  /** Whose views will be asked for. */
  readonly nodes: Iterable<NodeInputs>;
  /** What most of them have by then. */
  readonly before: ObjectId | undefined;
}

/** Of views for nodes so many are made before anybody asks: there may be one for each host. */
export const MOST_AHEAD = 200;
/** How much of the room for archives is taken without anybody having asked, by what they hold. */
const SHARE = 1 / 4;

/** Makes what will be asked for, one thing after the other. Only the last tag's: who comes late asks for it. */
export function openAhead({ factsOf, viewOf, maker, deltas, limits, isClosing }: Parts) {
  const oneAtATime = pLimit(1);
  let latest = 0;

  async function makeFiles(now: Known, old: Known | undefined): Promise<void> {
    await maker.made(now, 'packedManifest');
    if (isClosing()) return;
    await maker.made(now, 'archive');
    if (old === undefined || old === now || isClosing()) return;
    await deltas.get({ from: old.view.digest, to: now.view.digest });
  }

  return {
    /** Rejects where something cannot be made; whoever asks for it then hears why. */
    async prepare({ tree, nodes, before }: Expected): Promise<void> {
      const turn = ++latest;
      await oneAtATime(async () => {
        const whole: Iterable<undefined> = [undefined];
        const done = new Set<Digest>();
        let room = limits().archiveCacheBytes * SHARE;
        for (const node of turn === latest && (await factsOf(tree)) === null ? whole : nodes) {
          if (turn !== latest || isClosing() || done.size >= MOST_AHEAD) return;
          const now = await viewOf(tree, node);
          if (done.has(now.view.digest)) continue;
          done.add(now.view.digest);
          room -= now.view.bytes;
          if (room < 0) return;
          const old = before === undefined ? undefined : await viewOf(before, node).catch(() => undefined);
          await makeFiles(now, old);
        }
      });
    },

    /** Resolves when nothing is being made any more. */
    async close(): Promise<void> {
      latest++;
      await oneAtATime(() => undefined);
    },
  };
}
