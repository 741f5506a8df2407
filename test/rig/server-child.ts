/**
 * A server in a process of its own, as a user for whom permissions count: `node --import tsx server-child.ts BASE NOW`.
 * Prints its URL and runs until it is killed.
 */
import Database from 'better-sqlite3';
import { warmThread } from '../../server/adapters/thread.ts';
import { compose } from '../../server/compose.ts';
import { startServer } from '../../server/serve.ts';
import { movableClock } from './clock.ts';
import { NOBODY } from './nobody.ts';
import { quiet } from './server.ts';

const [base = '', now = ''] = process.argv.slice(2);
// Loaded first, because that user may not be able to read it where it lies.
new Database(':memory:').close();
await Promise.all(['store', 'views'].map((name) => warmThread({ name })));
if (process.getuid?.() === 0) {
  process.setgroups?.([]);
  process.setgid?.(NOBODY);
  process.setuid?.(NOBODY);
}
const clock = movableClock(now);
const composed = await compose({ base, env: process.env, flags: {}, role: 'server', log: quiet, clock });
if (!composed.ok) throw new Error(JSON.stringify(composed.errors));
const started = await startServer(composed.app);
if (!started.ok) throw new Error(started.sentence);
console.log(started.value.url);
