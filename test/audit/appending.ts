// A process of its own that adds events: `appending.ts FILE NAME COUNT`; without end where the count is 0.
import { openStore } from '../../server/adapters/sqlite/store.ts';
import { event } from './sample.ts';

async function append(file: string, name: string, count: number): Promise<void> {
  const store = await openStore(file);
  for (let number = 1; count === 0 || number <= count; number += 1) {
    const kinds = ['mark', 'report', 'pin'] as const;
    await store.addEvents(kinds.map((kind) => ({ ...event(number, kind), by: name })));
    console.log(number);
  }
  await store.close();
}

const [file = '', name = '', count = '0'] = process.argv.slice(2);
void append(file, name, Number(count));
