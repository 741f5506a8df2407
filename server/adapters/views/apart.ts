import { stat } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { Digest, ObjectId } from '../../../protocol/names.ts';
import type { NodeInputs } from '../../core/node-inputs.ts';
import { type StoredFile, UnfitContent, type View, type Views } from '../../ports/content.ts';
import type { Thread } from '../thread.ts';
import { singleFlight } from './flight.ts';
import type { ViewJobs } from './jobs.ts';
import type { Limits } from './limits.ts';
import { isEnough } from './nodes.ts';
import { questionOf } from './question.ts';
import { recentOnes } from './recent.ts';
import { type Flaws, verdictOn } from './verdict.ts';

interface Parts {
  readonly thread: Thread<ViewJobs>;
  readonly limits: () => Limits;
}

/** What does not change: the view of a node never becomes another one of the same tree. */
interface Answered {
  readonly view: View;
  readonly isCommon: boolean;
}

/** What makes it again. Without a node: the whole of the tree. */
interface Origin {
  readonly tree: ObjectId;
  readonly node?: NodeInputs;
}

/** A file as it was when the thread had looked at every byte of it. */
interface Seen {
  readonly file: StoredFile;
  readonly identity: string;
  /** When the thread, which removes what nobody asks for, was last asked for it, on the clock that never jumps. */
  askedAt: number;
}

const MOST_TREES = 5_000;
const MOST_ANSWERS = 200_000;
const MOST_ORIGINS = 50_000;
const MOST_FILES = 20_000;
/** More than are made ahead, as many have the same. */
const MOST_PREPARED = 1_000;
const MOST_HANDINGS = 100_000;
/** So many nodes are handed over at once: copying very many would hold up everybody else. */
const NODES_AT_ONCE = 250;
const ASK_AGAIN_EVERY_MS = 10_000;
/** Handings are told so often, and ahead by as much. */
const TELL_HANDING_EVERY_MS = 1_000;

/**
 * Views that a thread makes, so that neither git's listings nor hashing, rendering and compressing hold up who only asks what
 * is known already: that is kept here.
 */
export function openViewsApart({ thread, limits }: Parts): Views {
  /** The facts that a tree lets count; null where its only view is the whole of it. */
  const kinds = recentOnes<readonly string[] | null>(MOST_TREES);
  let answers = recentOnes<Answered | UnfitContent>(MOST_ANSWERS);
  const common = recentOnes<boolean>(MOST_ANSWERS);
  const origins = recentOnes<Origin>(MOST_ORIGINS);
  const files = recentOnes<Seen>(MOST_FILES);
  const handings = recentOnes<number>(MOST_HANDINGS);
  const finding = singleFlight<StoredFile | undefined>();
  const answering = singleFlight<View>();

  let isClosed = false;

  function remember(question: string, answered: Answered, origin: Origin): View {
    const { view, isCommon } = answered;
    answers.set(question, answered);
    common.set(view.digest, isCommon);
    origins.set(view.digest, origin);
    return view;
  }

  async function ask(tree: ObjectId, node: NodeInputs): Promise<View> {
    const { facts, ...answered } = await thread.ask('ofNode', tree, node);
    kinds.set(tree, facts);
    return remember(questionOf(tree, facts, node), answered, facts === null ? { tree } : { tree, node });
  }

  /** The file, as long as it is the one that was looked at. */
  async function fileOf(key: string, find: () => Promise<StoredFile | undefined>) {
    const seen = files.get(key);
    if (seen === undefined || (await identityOf(seen.file.path)) !== seen.identity)
      return finding(key, () => look(key, find));
    if (performance.now() - seen.askedAt > ASK_AGAIN_EVERY_MS) {
      seen.askedAt = performance.now();
      find().catch(() => undefined);
    }
    return seen.file;
  }

  /** The thread may know nothing of a view that was handed out: it is another one by now, or there was no room to record it. */
  async function ofView(
    what: 'manifest' | 'packedManifest' | 'archive',
    digest: Digest,
  ): Promise<StoredFile | undefined> {
    const found = await thread.ask(what, digest, limits());
    const origin = found === undefined ? origins.get(digest) : undefined;
    if (origin === undefined) return found;
    if (origin.node === undefined) await thread.ask('ofTree', origin.tree);
    else await thread.ask('ofNode', origin.tree, origin.node);
    return thread.ask(what, digest, limits());
  }

  async function look(key: string, find: () => Promise<StoredFile | undefined>): Promise<StoredFile | undefined> {
    const file = await find();
    const identity = file && (await identityOf(file.path));
    if (file !== undefined && identity !== undefined) files.set(key, { file, identity, askedAt: performance.now() });
    return file;
  }

  return {
    async ofTree(tree) {
      const known = answers.get(tree);
      if (known !== undefined && !(known instanceof UnfitContent)) return known.view;
      return remember(tree, { view: await thread.ask('ofTree', tree), isCommon: true }, { tree });
    },

    async ofNode(tree, node) {
      const facts = kinds.get(tree);
      if (facts === undefined) return ask(tree, node);
      const question = questionOf(tree, facts, node);
      const known = answers.get(question);
      if (known instanceof UnfitContent) throw known;
      if (known !== undefined) {
        if (facts !== null) origins.set(known.view.digest, { tree, node });
        return known.view;
      }
      try {
        return await answering(question, () => ask(tree, node));
      } catch (error) {
        if (error instanceof UnfitContent) answers.set(question, error);
        throw error;
      }
    },

    check: (tree, nodes, { everyFile = false } = {}) =>
      verdictOn(async () => {
        const flaws: Flaws = new Map();
        let isFirst = true;
        for await (const batch of batchesOf(nodes)) {
          if (isEnough(flaws)) break;
          const found = await thread.ask('flaws', tree, batch, {
            everyFile: everyFile && isFirst,
            publish: everyFile,
          });
          if (found === null) return null;
          for (const [sentence, who] of found) flaws.set(sentence, [...(flaws.get(sentence) ?? []), ...who]);
          isFirst = false;
        }
        return flaws;
      }),

    async isOneForAll(tree) {
      const facts = kinds.get(tree);
      return facts === undefined ? thread.ask('isOneForAll', tree) : facts === null;
    },

    async isCommon(digest) {
      const known = common.get(digest);
      if (known !== undefined) return known;
      return thread.ask('isCommon', digest);
    },

    async preview(tree, node) {
      return {
        entries: await thread.ask('preview', tree, node),
        async content(path) {
          const bytes = await thread.ask('previewedContent', tree, node, path);
          return bytes && Buffer.from(bytes);
        },
      };
    },

    manifest: (digest) => fileOf(`manifest ${digest}`, () => ofView('manifest', digest)),
    packedManifest: (digest) => fileOf(`packed ${digest}`, () => ofView('packedManifest', digest)),
    archive: (digest) => fileOf(`archive ${digest}`, () => ofView('archive', digest)),

    async delta(from, to) {
      if (from === to || limits().deltaCacheBytes === 0) return undefined;
      return fileOf(`delta ${from} ${to}`, () => thread.ask('delta', { from, to }, limits()));
    },

    async prepare(tree, nodes, before) {
      const some: NodeInputs[] = [];
      for await (const batch of batchesOf(nodes)) if (some.push(...batch) >= MOST_PREPARED) break;
      if (!isClosed) await thread.ask('prepare', tree, some, before, limits());
    },

    close() {
      isClosed = true;
      // A thread that ends meanwhile has nothing left to close.
      return thread.close().catch(() => undefined);
    },

    handedOut(digest, at) {
      const told = handings.get(digest);
      if (told !== undefined && at <= told && at > told - TELL_HANDING_EVERY_MS) return;
      handings.set(digest, at + TELL_HANDING_EVERY_MS);
      thread.ask('handedOut', digest, at + TELL_HANDING_EVERY_MS).catch(() => undefined);
    },

    async prune(keep, before) {
      const gone = await thread.ask('prune', keep, before, limits());
      if (gone.length > 0) answers = recentOnes(MOST_ANSWERS);
      for (const digest of gone) {
        // Whoever got one of them just before is to be noted at once.
        handings.set(digest, 0);
        // What is gone is not made again for who only knows its name.
        origins.delete(digest);
        common.delete(digest);
      }
      return gone;
    },
  };
}

/** At least one, so that a tree is looked at also where there is no node. Lets others have their turn in between. */
async function* batchesOf(nodes: Iterable<NodeInputs>): AsyncGenerator<NodeInputs[]> {
  let batch: NodeInputs[] = [];
  let isFirst = true;
  for (const node of nodes) {
    if (batch.length === NODES_AT_ONCE) {
      yield batch;
      await setImmediate();
      batch = [];
      isFirst = false;
    }
    batch.push(node);
  }
  if (isFirst || batch.length > 0) yield batch;
}

async function identityOf(path: string): Promise<string | undefined> {
  return stat(path).then(
    ({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`,
    () => undefined,
  );
}
