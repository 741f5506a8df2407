// A process of its own that uses a store: `store-child.ts VERB FILE [NAME]`.
import Database from 'better-sqlite3';
import { openStore, openStoreForReading } from '../../server/adapters/sqlite/store.ts';
import { StoreError } from '../../server/adapters/sqlite/store-error.ts';
import { at, event, host, poll, report } from './store-samples.ts';

const [verb = '', file = '', name = 'web'] = process.argv.slice(2);

/** Like a user who is not the one that runs the server. Loads first what that user may not be able to read. */
function becomeNobody(): void {
  new Database(':memory:').close();
  if (process.getuid?.() !== 0) return;
  process.setgroups?.([]);
  process.setgid?.(65534);
  process.setuid?.(65534);
}

const failure = (error: unknown) => {
  if (!(error instanceof StoreError)) throw error;
  return { code: error.code, message: error.message };
};

const verbs: Record<string, () => Promise<unknown>> = {
  /** Writes in many transactions, while others do. */
  async write() {
    const store = await openStore(file);
    for (let round = 0; round < 20; round += 1) {
      await store.recordPolls(Array.from({ length: 10 }, (_, index) => poll(`${name}-${index}`, round)));
      await store.recordReport(host(`${name}-0`), report(`run-${name}-${round}`), { at: at(round) });
    }
    await store.close();
    return 'written';
  },
  /** Records a report, says that it is stored, and stays as it is until it is killed. */
  async report() {
    const store = await openStore(file);
    await store.recordReport(host(name), report('run-00000001'), { at: at(0) });
    await store.addEvents([event(0)]);
    console.log('answered');
    return new Promise(() => setInterval(() => undefined, 1000));
  },
  /** Keeps the right to write until its standard input ends. */
  async lock() {
    const database = new Database(file);
    database.exec('begin immediate');
    console.log('locked');
    process.stdin.resume();
    await new Promise((resolve) => process.stdin.once('end', resolve));
    database.exec('commit');
    return 'unlocked';
  },
  async 'read-as-nobody'() {
    becomeNobody();
    try {
      const store = await openStoreForReading(file);
      const names = (await store.nodes()).map((node) => node.hostname);
      const refused = await store.addEvents([event(0)]).catch(failure);
      return { names, refused };
    } catch (error) {
      return failure(error);
    }
  },
  async 'write-as-nobody'() {
    becomeNobody();
    const store = await openStore(file);
    const refused = await store.recordPolls([poll(name, 0)]).catch(failure);
    return { refused, trouble: store.trouble() };
  },
};

void verbs[verb]?.().then((answer) => console.log(JSON.stringify(answer)));
