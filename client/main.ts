import { listenForStop } from './adapters/stop-signals.ts';
import { poll } from './commands/poll.ts';
import { readRequest } from './commands/program.ts';
import { status } from './commands/status.ts';
import { openTerminal } from './terminal.ts';

async function main(): Promise<number> {
  // Whoever reads the files is seldom who runs this, and root's umask is often 077. A private target is private by its own mode.
  process.umask(0o022);
  const request = await readRequest(process.argv.slice(2), process.env);
  switch (request.kind) {
    case 'help':
      openTerminal({ verbose: false, json: false }).out(request.text);
      return 0;
    case 'usage':
      openTerminal({ verbose: false, json: false }).err(request.text);
      return 2;
    case 'status':
      return status(request.settings, openTerminal(request.settings));
    case 'poll':
      return poll({ settings: request.settings, terminal: openTerminal(request.settings), stop: listenForStop() });
  }
}

main().then(
  // A name look-up that hangs would keep the process: what there was to write is written.
  (code) => process.exit(code),
  (error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    openTerminal({ verbose: false, json: false }).err(
      `tagwave: this is a defect in Tagwave; please report it with these lines:\n${text}`,
    );
    process.exit(1);
  },
);
