import type { Command } from 'commander';
import { parseHostname } from '../../protocol/names.ts';
import { secretFile } from '../compose-commands.ts';
import { parseHostPattern, patternText } from '../core/globs.ts';
import { groupName } from '../core/group-name.ts';
import { LIFETIME, parseLifetime } from '../core/lifetime.ts';
import { isPersonName, PERSON_NAME } from '../core/person-name.ts';
import { ROLES } from '../core/role.ts';
import { type CreatedToken, createToken, type TokenOrder, wordsFor } from '../operations/tokens.ts';
import { shownToken } from '../operations/tokens-shown.ts';
import type { Settings } from '../settings/settings.ts';
import {
  actor,
  type CommonOptions,
  type ExitCode,
  fail,
  misuse,
  type Run,
  succeed,
  wholeNumber,
  withApp,
} from './command.ts';
import { terminal } from './terminal.ts';

interface Options extends CommonOptions {
  readonly role?: string;
  readonly name?: string;
  readonly node?: string;
  readonly join?: string;
  readonly groups?: string[];
  readonly uses?: string;
  readonly expires?: string;
  readonly out?: string;
}

export function addTokenCreate(token: Command, run: Run): void {
  token
    .command('create')
    .summary('make a token')
    .description(
      'Prints the token once, alone on stdout, so that it can be sent into a file; it is not kept. For a person or a program: --role and --name; for a host: --node; for hosts that are to join (auth.joining: join-token): --join.',
    )
    .option('--role <role>', `what a person or program may do: ${ROLES.join(', ')}`)
    .option('--name <name>', 'how the history names them')
    .option('--node <host>', 'the host that it speaks for')
    .option('--join <pattern>', 'the hosts that it lets in: a name, or * within a label, ** across dots')
    .option('--groups <group...>', 'with --join: only hosts that nodes.yml puts into one of these')
    .option('--uses <count>', 'with --join: how many hosts it lets in (default: without limit)')
    .option('--expires <when>', '30d, 12h, 90m or 2027-01-01T00:00Z (default: never; with --join 1d)')
    .option('--out <file>', 'write it to a new file with mode 0600 instead')
    .action((_options: object, command: Command) => run(createCommand(command.optsWithGlobals())));
}

type Wanted = { readonly ok: true; readonly order: Omit<TokenOrder, 'mostNames' | 'actor' | 'expiresAt'> } | Misuse;
type Misuse = { readonly ok: false; readonly sentence: string; readonly hint: string };

const DAY_MS = 86_400_000;
const MOST_USES = 10_000_000;

async function createCommand(options: Options): Promise<ExitCode> {
  const wanted = wantedBy(options);
  if (!wanted.ok) return misuse(options, wanted.sentence, wanted.hint);
  const now = Date.now();
  const usual = options.join === undefined ? null : now + DAY_MS;
  const expiresAt = options.expires === undefined ? usual : parseLifetime(options.expires, now);
  if (expiresAt === undefined) return misuse(options, `"${options.expires}" is no time to come`, `name ${LIFETIME}`);
  // As root calls it, which then goes on as the owner of the state directory.
  const who = actor();
  return withApp('editor', options, async ({ context, settings }) => {
    const out = fileFor(options);
    if ('sentence' in out) return fail(options, out);
    const { mostNodes } = settings.fleet;
    const order = { ...wanted.order, expiresAt, mostNames: mostNodes, actor: who } as TokenOrder;
    const created = await createToken(context, order);
    if (!created.ok) {
      out.file?.discard();
      return fail(options, created);
    }
    out.file?.write(`${created.value.token}\n`);
    return told(options, created.value, settings);
  });
}

/** Made before the token: a token that cannot be handed over would only count for nobody. */
function fileFor({
  out,
}: Options): { readonly file?: ReturnType<typeof secretFile> } | { sentence: string; hint: string } {
  if (out === undefined) return {};
  try {
    return { file: secretFile(out) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { sentence: `${out} cannot be made (${why})`, hint: 'name a new file in a directory that you may write' };
  }
}

function told(options: Options, { token, credential }: CreatedToken, settings: Settings): ExitCode {
  const { out } = options;
  const shown = shownToken({ ...credential, lastUse: null });
  if (options.json)
    return succeed(options, { ok: true, ...(out === undefined ? { token } : { out }), ...shown }, () => []);
  if (out === undefined) terminal.out(token);
  const until = shown.expiresAt === null ? 'until it is revoked' : `until ${shown.expiresAt}`;
  terminal.err(
    `This is ${wordsFor(credential)}, ${until}; its id is ${credential.id}. ${
      out === undefined ? 'It is shown this once.' : `It is in ${out}.`
    }`,
  );
  for (const line of remarks(credential.kind, settings)) terminal.err(line);
  return 0;
}

function remarks(kind: CreatedToken['credential']['kind'], { auth }: Settings): string[] {
  if ((kind === 'node' || kind === 'join') && auth.nodes !== 'tokens')
    return ['→ it counts for nothing as long as auth.nodes in server.yml is not tokens'];
  if (kind === 'join' && auth.joining !== 'join-token')
    return [`→ it lets nobody in as long as auth.joining in server.yml is ${auth.joining}, and not join-token`];
  return [];
}

function wantedBy(options: Options): Wanted {
  const { role, node, join } = options;
  const kinds = [role, node, join].filter((one) => one !== undefined);
  if (kinds.length !== 1)
    return wrong('it is not clear what the token is for', 'give one of --role (with --name), --node and --join');
  if (join === undefined && (options.groups !== undefined || options.uses !== undefined))
    return wrong('--groups and --uses go with --join', 'leave them out');
  if (role === undefined && options.name !== undefined) return wrong('--name goes with --role', 'leave it out');
  if (role !== undefined) return wantedPerson(role, options.name);
  return node === undefined ? wantedJoin(join ?? '', options) : wantedNode(node);
}

function wantedPerson(text: string, name: string | undefined): Wanted {
  const role = ROLES.find((one) => one === text);
  if (role === undefined) return wrong(`"${text}" is no role`, `the roles are ${ROLES.join(', ')}`);
  if (name === undefined)
    return wrong('the token has no name', 'say with --name who it is for: it is kept with all they do');
  if (!isPersonName(name)) return wrong(`"${name}" is no name for a token`, `give ${PERSON_NAME}`);
  const order = { kind: 'person', name, role } as const;
  return { ok: true, order };
}

function wantedNode(text: string): Wanted {
  const hostname = parseHostname(text);
  if (hostname === undefined) return wrong(`"${text}" is no host name`, 'give the fully qualified name of one host');
  const order = { kind: 'node', hostname } as const;
  return { ok: true, order };
}

function wantedJoin(text: string, { groups = [], uses }: Options): Wanted {
  const pattern = parseHostPattern(text);
  if (pattern === undefined)
    return wrong(
      `"${text}" is neither a host name nor a pattern`,
      '* stands for what is within a label, ** across dots',
    );
  const names = groups.flatMap((some) => some.split(',')).filter((one) => one !== '');
  const stranger = names.find((one) => !groupName.safeParse(one).success);
  if (stranger !== undefined) return wrong(`"${stranger}" is no group`, 'name groups as nodes.yml does');
  const count = uses === undefined ? null : wholeNumber(uses, { min: 1, max: MOST_USES });
  if (count === undefined) return wrong(`"${uses}" is no number of hosts`, 'e.g. --uses 20');
  const order = { kind: 'join', hosts: patternText(pattern), groups: names, uses: count } as const;
  return { ok: true, order };
}

function wrong(sentence: string, hint: string): Misuse {
  return { ok: false, sentence, hint };
}
