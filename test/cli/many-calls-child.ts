/** Runs one command line after the other in one process: `many-calls-child.ts '[["status"],["tags"]]'`, \x1e after each on both outputs. */
import { runProgram } from '../../server/cli/program.ts';

const [calls = '[]'] = process.argv.slice(2);
for (const args of JSON.parse(calls) as string[][]) {
  const code = await runProgram(args);
  process.stdout.write(`${code}\x1e`);
  process.stderr.write('\x1e');
}
process.exit();
