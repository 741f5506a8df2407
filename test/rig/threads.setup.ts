// Before every test file: servers in the test's own process have their threads from the bundle.
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { useThreadsOf } from '../../server/adapters/thread.ts';
import { serverBundle } from './server-bundle.ts';

useThreadsOf(pathToFileURL(`${dirname(await serverBundle())}/threads/`));
