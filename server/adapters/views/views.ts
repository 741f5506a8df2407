import { join } from 'node:path';
import type { Digest, ObjectId } from '../../../protocol/names.ts';
import type { NodeInputs } from '../../core/node-inputs.ts';
import { type StoredFile, UnfitContent, type View, type Views } from '../../ports/content.ts';
import { MOST_AHEAD, openAhead } from './ahead.ts';
import { type Known, openCatalogue, originsOf } from './catalogue.ts';
import { openCrowd } from './crowd.ts';
import { type DeltaWriter, planDelta } from './delta.ts';
import { openDeltas, type Pair } from './deltas.ts';
import { openHandedOut } from './handed-out.ts';
import type { Limits } from './limits.ts';
import { openMaker } from './maker.ts';
import { type Contents, openNodes, type Sight } from './nodes.ts';
import { previewOf } from './preview.ts';
import { questionOf } from './question.ts';
import { recentOnes } from './recent.ts';
import { openRoom } from './room.ts';
import { openShelf, type Verified } from './shelf.ts';
import { boundSums } from './sums.ts';
import { explained } from './trouble.ts';
import { type Flaws, verdictOn } from './verdict.ts';

export interface Looking {
  /** Also in templates and vars that none of the nodes has. */
  readonly everyFile: boolean;
  /** Whether views that are new are made, so that the first who asks finds them: of a tag that is about to be made. */
  readonly publish: boolean;
}

/** What those who keep its answers need to know besides. */
export interface OwnViews extends Views {
  /** The facts that a tree lets count; null where its only view is the whole of it. Rejects with `UnfitContent`. */
  factsOf(tree: ObjectId): Promise<readonly string[] | null>;
  /** Everything that is wrong with a tree for these nodes; null for one whose only view is the whole of it. */
  flaws(tree: ObjectId, nodes: Iterable<NodeInputs>, options: Looking): Promise<Flaws | null>;
}

interface Options {
  readonly stateDir: string;
  readonly repository: Contents;
  readonly limits?: () => Limits;
  /** How many views there may be that only single nodes have. */
  readonly mostOfNodes?: number;
  /** Called for each template that is really rendered. */
  readonly onRender?: (path: string) => void;
}

const MEBIBYTE = 1024 * 1024;
const USUAL_LIMITS: Limits = { archiveCacheBytes: 4096 * MEBIBYTE, deltaCacheBytes: 256 * MEBIBYTE };
/** What nodes were last answered, by tree and what counts of them. */
const MOST_ANSWERS = 50_000;
/** Views that only single nodes have. On the disk each takes two small files besides its manifest. */
const MOST_OF_NODES = 50_000;
/** Views for nodes that nobody was given lately are remembered so far: as the beginning of a delta, say. */
const MOST_IDLE = 20_000;

/**
 * Views in `<stateDir>/views`. Everything there can be made again from the repository: what is missing, cut off or changed
 * is noticed and replaced. `ofTree` goes on where nothing can be written; the others throw a sentence for the operator.
 */
export function openViews(options: Options): OwnViews {
  const { stateDir, repository, limits = () => USUAL_LIMITS } = options;
  const root = join(stateDir, 'views');
  const shelf = openShelf(root);
  const catalogue = openCatalogue(shelf);
  const handedOut = openHandedOut(shelf);
  const nodes = openNodes({ root, ...options });
  const room = openRoom({ shelf, limit: () => limits().archiveCacheBytes });
  const closing = new AbortController();
  const maker = openMaker({ root, shelf, catalogue, handedOut, repository, nodes, room, closing: closing.signal });
  const crowd = openCrowd({
    most: options.mostOfNodes ?? MOST_OF_NODES,
    before: catalogue.ofNodes,
    drop: forget,
  });
  const answers = recentOnes<Digest | UnfitContent>(MOST_ANSWERS);
  const deltas = openDeltas({
    directory: join(root, 'deltas'),
    limit: () => limits().deltaCacheBytes,
    plan: deltaBetween,
  });
  const ahead = openAhead({
    factsOf: nodes.factsOf,
    viewOf: async (tree, node) => (node === undefined ? knownTree(tree) : nodeView(tree, node)),
    maker,
    deltas,
    limits,
    isClosing: () => closing.signal.aborted,
  });
  /** How many views of the tree that was looked at last may still be made before anybody asks. */
  let toMake = { tree: '', left: 0 };
  return {
    ofTree,

    async ofNode(tree, node) {
      // Also where the repository cannot be read now.
      const whole = await catalogue.ofTree(tree);
      if (whole !== undefined) return whole.view;
      const facts = await nodes.factsOf(tree);
      if (facts === null) return ofTree(tree);
      const question = questionOf(tree, facts, node);
      const answer = answers.get(question);
      if (answer instanceof UnfitContent) throw answer;
      const known = answer && catalogue.present(answer);
      if (known !== undefined) return known.view;
      try {
        const { view } = await nodeView(tree, node);
        answers.set(question, view.digest);
        return view;
      } catch (error) {
        if (error instanceof UnfitContent) answers.set(question, error);
        throw error;
      }
    },

    factsOf: nodes.factsOf,
    flaws,
    check: (tree, kinds, { everyFile = false } = {}) =>
      verdictOn(() => flaws(tree, kinds, { everyFile, publish: everyFile })),

    isOneForAll: async (tree) => (await catalogue.ofTree(tree)) !== undefined || (await nodes.factsOf(tree)) === null,

    async isCommon(digest) {
      const entry = await catalogue.find(digest);
      return entry !== undefined && entry.trees.size > 0;
    },

    async preview(tree, node) {
      return previewOf(await nodes.sightOf(tree, node), { tree, nodes, repository, root });
    },

    async manifest(digest) {
      const entry = await catalogue.find(digest);
      return entry && storedFile(await maker.manifest(entry));
    },

    async packedManifest(digest) {
      const entry = await catalogue.find(digest);
      return entry && storedFile(await maker.made(entry, 'packedManifest'));
    },

    async archive(digest) {
      const entry = await catalogue.find(digest);
      return entry && storedFile(await maker.made(entry, 'archive'));
    },

    async delta(from, to) {
      if (from === to || !(await catalogue.find(from)) || !(await catalogue.find(to))) return undefined;
      const file = await deltas.get({ from, to });
      return file && storedFile(file);
    },

    prepare: (tree, kinds, before) => ahead.prepare({ tree, nodes: kinds, before }),

    async close() {
      closing.abort(new Error('the server stops'));
      await ahead.close();
    },

    handedOut(digest, at) {
      catalogue.revive(digest);
      handedOut.note(digest, at);
      if (catalogue.present(digest)?.trees.size === 0) crowd.used(digest).catch(() => undefined);
    },

    async prune(keep, before) {
      const kept = new Set(keep);
      const gone: Digest[] = [];
      const idle = new Set<Digest>();
      for (const digest of await catalogue.digests()) {
        const entry = await catalogue.find(digest);
        const last = await handedOut.lastOf(digest);
        const isIdle = (last ?? (await shelf.writtenAt(digest)) ?? before) < before;
        if (entry && originsOf(entry).some(({ tree }) => kept.has(tree)) && !(isIdle && isTooMuch(entry, idle))) {
          catalogue.narrow(entry, kept);
          // Its trees are gone by now, and others are known that have it.
          if (entry.recipes.size > 0 && ![...entry.recorded].some((tree) => kept.has(tree))) await maker.record(entry);
          if (isIdle) {
            idle.add(digest);
            await slim(digest);
          }
        } else if (last === undefined || last < before) {
          await drop(digest);
          gone.push(digest);
        }
      }
      await deltas.retain(async ({ from, to }) => {
        const isKnown = (await catalogue.find(from)) !== undefined && (await catalogue.find(to)) !== undefined;
        return isKnown && !idle.has(to);
      });
      boundSums(join(root, 'blobs.sqlite'));
      return gone;
    },
  };

  async function ofTree(tree: ObjectId): Promise<View> {
    return (await knownTree(tree)).view;
  }

  async function knownTree(tree: ObjectId): Promise<Known> {
    return (await catalogue.ofTree(tree)) ?? maker.view(tree);
  }

  async function flaws(tree: ObjectId, kinds: Iterable<NodeInputs>, { everyFile, publish }: Looking) {
    const isKnown = async (key: string) => (await catalogue.ofKey(key)) !== undefined;
    if (toMake.tree !== tree) toMake = { tree, left: MOST_AHEAD };
    const sound: Sight[] = [];
    const onNew = (sight: Sight): void => {
      if (publish && sound.length < toMake.left) sound.push(sight);
    };
    const found = await nodes.flaws(tree, { nodes: kinds, everyFile, isKnown, onNew });
    if (found === null || found.size > 0) return found;
    toMake.left -= sound.length;
    // Where it cannot be stored, whoever asks for it hears why.
    for (const sight of sound) await viewIn(sight).catch(() => undefined);
    return found;
  }

  async function nodeView(tree: ObjectId, node: NodeInputs): Promise<Known> {
    const sight = await nodes.sightOf(tree, node);
    if (sight === null) throw new Error(`the tree ${tree} has no deploy.yml`);
    return viewIn(sight);
  }

  async function viewIn(sight: Sight): Promise<Known> {
    const { site, recipe, node } = sight;
    const known = await catalogue.ofKey(recipe.key);
    const entry =
      known === undefined
        ? await maker.nodeView(sight)
        : // The tree that it was made of may go before this one does.
          catalogue.rememberRecipe(known.view, { key: recipe.key, trees: [site.tree], node });
    if (entry.trees.size === 0) await crowd.used(entry.view.digest).catch(() => undefined);
    return entry;
  }

  /** A view of the whole tree is one for everybody; of those for single nodes there may be very many. */
  function isTooMuch({ trees }: Known, idle: ReadonlySet<Digest>): boolean {
    return trees.size === 0 && idle.size >= MOST_IDLE;
  }

  async function deltaBetween({ from, to }: Pair): Promise<DeltaWriter | undefined> {
    const [old, now] = [await catalogue.find(from), await catalogue.find(to)];
    if (!old || !now) return undefined;
    return planDelta({
      from: { digest: from, manifest: (await maker.manifest(old)).path },
      to: { digest: to, manifest: (await maker.manifest(now)).path, contents: () => maker.contents(now) },
      objects: repository,
      closing: closing.signal,
    });
  }

  /** A month of tags is kept, and few of them are ever asked for again: their files are made anew if they are. */
  async function slim(digest: Digest): Promise<void> {
    room.forget(digest);
    await explained(`the files of ${digest}, which nobody asks for, cannot be removed`, root, () => shelf.slim(digest));
  }

  async function drop(digest: Digest): Promise<void> {
    catalogue.drop(digest);
    await remove(digest);
  }

  async function forget(digest: Digest): Promise<void> {
    catalogue.forget(digest);
    await remove(digest);
  }

  async function remove(digest: Digest): Promise<void> {
    handedOut.forget(digest);
    room.forget(digest);
    crowd.forget(digest);
    await explained(`the view ${digest} is no longer needed and cannot be removed`, root, () => shelf.drop(digest));
  }
}

function storedFile({ path, size, sha256 }: Verified): StoredFile {
  return { path, size, sha256 };
}
