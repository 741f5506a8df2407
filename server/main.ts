import { keepToOwnGroup } from './adapters/files/privileges.ts';
import { masked } from './adapters/known-secrets.ts';
import { runProgram } from './cli/program.ts';

keepToOwnGroup();

// Output that nobody reads any more, or that its disk has no room for, must not keep a mark from being made.
let isCutOff = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    // Whoever reads only the beginning, as `head` does, has seen enough.
    if (!('code' in error && error.code === 'EPIPE')) isCutOff = true;
  });
}

try {
  process.exitCode = await runProgram(process.argv.slice(2));
} catch (error) {
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`tagwave-server: ${masked(told)}\n`);
  process.stderr.write('→ this is not expected; please report it with the lines above\n');
  process.exitCode = 1;
}
// What a command has given up on, such as a history that is locked, must not keep whoever called it.
process.stdout.write('', () => process.exit(isCutOff ? 1 : process.exitCode));
