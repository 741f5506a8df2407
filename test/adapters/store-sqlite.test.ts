import { join } from 'node:path';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { storeContract } from './store-contract.ts';

storeContract('SQLite', async () => openStore(join(await disposableDirectory(), 'history.sqlite')));
