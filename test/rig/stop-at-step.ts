import { writeFileSync } from 'node:fs';
import { watchDisk } from './disk-steps.ts';

/**
 * Loaded into a process before anything else (`--require`): at its step of TAGWAVE_TEST_STOP_AT that changes the disk it gets
 * what `kill -9` sends. One that comes to its end writes into TAGWAVE_TEST_STEPS how many there were.
 */
const at = Number(process.env['TAGWAVE_TEST_STOP_AT'] ?? 0);
const report = process.env['TAGWAVE_TEST_STEPS'];
const disk = watchDisk((step) => {
  if (step === at) process.kill(process.pid, 'SIGKILL');
});
process.once('exit', () => {
  const steps = disk.count();
  disk.restore();
  if (report !== undefined) writeFileSync(report, String(steps));
});
