import { runProgram } from './cli/program.ts';

// Whoever reads only the beginning, as `head` does, has seen enough.
process.stdout.on('error', (error) => {
  if ('code' in error && error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  process.exitCode = await runProgram(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`tagwave-server: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.stderr.write('→ this is not expected; please report it with the lines above\n');
  process.exitCode = 1;
}
// What a command has given up on, such as a history that is locked, must not keep whoever called it.
process.stdout.write('', () => process.exit());
