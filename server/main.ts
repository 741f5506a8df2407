import { runProgram } from './cli/program.ts';

try {
  process.exitCode = await runProgram(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`tagwave-server: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.stderr.write('→ this is not expected; please report it with the lines above\n');
  process.exitCode = 1;
}
