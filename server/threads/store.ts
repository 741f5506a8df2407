import { openStoreJobs, type StoreSetting } from '../adapters/sqlite/jobs.ts';
import { serveThread } from '../adapters/thread-side.ts';

serveThread((setting: StoreSetting) => openStoreJobs(setting));
