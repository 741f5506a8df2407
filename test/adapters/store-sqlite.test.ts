import { join } from 'node:path';
import { openStoreApart } from '../../server/adapters/sqlite/apart.ts';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { storeContract } from './store-contract.ts';

storeContract('SQLite', async () => openStore(join(await disposableDirectory(), 'history.sqlite')));
storeContract('SQLite in a thread', async () => openStoreApart(join(await disposableDirectory(), 'history.sqlite')));
