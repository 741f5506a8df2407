import { listenForStop } from './adapters/stop-signals.ts';
import { runCommand } from './run-command.ts';
import { openTerminal } from './terminal.ts';

// Whoever reads the files is seldom who runs this, and root's umask is often 077. A private target is private by its own mode.
process.umask(0o022);

const { stdout, stderr, argv, env } = process;

runCommand({ args: argv.slice(2), env, streams: { stdout, stderr }, listenForStop, script: argv[1] }).then(
  // A name look-up that hangs would keep the process: what there was to write is written.
  (code) => process.exit(code),
  (error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const terminal = openTerminal({ verbose: false, json: false }, { stdout, stderr });
    terminal.err(`tagwave: this is a defect in Tagwave; please report it with these lines:\n${text}`);
    process.exit(1);
  },
);
