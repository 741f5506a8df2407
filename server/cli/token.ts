import type { Command } from 'commander';
import { type Hostname, parseHostname } from '../../protocol/names.ts';
import type { App } from '../compose.ts';
import type { Credential } from '../core/credential.ts';
import type { TokenId } from '../core/token.ts';
import { forgetHost, revoke, wordsFor } from '../operations/tokens.ts';
import { shownToken, whichTokens } from '../operations/tokens-shown.ts';
import type { Credentials, ListedCredential } from '../ports/credentials.ts';
import { actor, type CommonOptions, type ExitCode, fail, misuse, type Run, succeed, withApp } from './command.ts';
import { table } from './table.ts';
import { plural } from './terminal.ts';
import { addTokenCreate } from './token-create.ts';

const KINDS = ['person', 'join', 'session', 'node'] as const;

export function addToken(program: Command, run: Run): void {
  const token = program
    .command('token')
    .summary('who may ask: make, list and revoke tokens')
    .description(
      'Makes, lists and revokes the tokens of people, programs and hosts. What is kept of one is its SHA-256.',
    );
  addTokenCreate(token, run);
  token
    .command('list')
    .summary('the tokens: who made them, until when they count, when they were last used')
    .action((_options: object, command: Command) => run(listCommand(command.optsWithGlobals())));
  token
    .command('revoke')
    .summary('let nobody in any more who shows a token')
    .description('Counts at once. The name of a host stays taken: nobody can join as it until it is forgotten.')
    .argument('<id>', 'its id, or a host name for all of its tokens')
    .option('--reason <text>', 'why; it is kept in the history')
    .action((named: string, _options: object, command: Command) =>
      run(revokeCommand(named, command.optsWithGlobals())),
    );
  token
    .command('forget')
    .summary('revoke all tokens of a host, and set its name free')
    .description('The host can then join again as one that was never there; and so can anybody who may join as it.')
    .argument('<host>', 'host name')
    .action((host: string, _options: object, command: Command) => run(forgetCommand(host, command.optsWithGlobals())));
}

const PAGE = 1_000;

function listCommand(options: CommonOptions): Promise<ExitCode> {
  return withApp('reader', options, async ({ context: { credentials } }) => {
    const trouble = credentials.trouble();
    if (trouble !== null) return fail(options, { sentence: trouble, hint: 'nothing can be listed until then' });
    const tokens = KINDS.flatMap((kind) => allOf((after) => credentials.list({ kinds: [kind], after, limit: PAGE })));
    const without = namesWithout(credentials);
    const now = Date.now();
    return succeed(options, { tokens: tokens.map(shownToken), hostsWithoutToken: without }, () => [
      tokens.length === 0
        ? 'There are no tokens.'
        : table(
            ['id', 'kind', 'for', 'made by', 'made', 'expires', 'last used'],
            tokens.map((token) => rowOf(token, now)),
          ),
      ...(without.length === 0 ? [] : [`Without a token, and not free to join until forgotten: ${without.join(', ')}`]),
    ]);
  });
}

function allOf(page: (after: TokenId | undefined) => readonly ListedCredential[]): ListedCredential[] {
  const all: ListedCredential[] = [];
  for (;;) {
    const found = page(all.at(-1)?.id);
    all.push(...found);
    if (found.length < PAGE) return all;
  }
}

function namesWithout(credentials: Credentials): Hostname[] {
  const all: Hostname[] = [];
  for (;;) {
    const found = credentials.namesWithoutToken({ after: all.at(-1), limit: PAGE });
    all.push(...found);
    if (found.length < PAGE) return all;
  }
}

function rowOf(token: ListedCredential, now: number): string[] {
  const { id, kind, createdBy, createdFrom, createdAt, expiresAt, lastUse } = token;
  const isOver = expiresAt !== null && expiresAt <= now;
  return [
    id,
    kind,
    whatFor(token),
    createdFrom === null ? createdBy : `${createdBy} (${createdFrom})`,
    minute(createdAt),
    expiresAt === null ? 'never' : `${minute(expiresAt)}${isOver ? ' EXPIRED' : ''}`,
    lastUse === null ? 'never' : `${minute(lastUse.at)}${lastUse.from === null ? '' : ` from ${lastUse.from}`}`,
  ];
}

function whatFor(token: Credential): string {
  switch (token.kind) {
    case 'person':
    case 'session':
      return `${token.name}, ${token.role}`;
    case 'node':
      return `${token.hostname}${token.state === 'pending' ? ', waits to be let in' : ''}${token.replacedBy === null ? '' : ', replaced'}`;
    case 'join': {
      const { hosts, groups, usesLeft } = token;
      const some = groups.length === 0 ? '' : ` in ${groups.join(' or ')}`;
      return `${hosts}${some}, ${usesLeft === null ? 'without limit' : `${usesLeft} left`}`;
    }
    default:
      return token satisfies never;
  }
}

function minute(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16)}Z`;
}

function revokeCommand(named: string, options: CommonOptions & { reason?: string }): Promise<ExitCode> {
  const which = whichTokens(named.toLowerCase());
  if (which === undefined)
    return Promise.resolve(
      misuse(
        options,
        `"${named}" is neither the id of a token nor a host name`,
        '"tagwave-server token list" shows both',
      ),
    );
  // As root calls it, which then goes on as the owner of the state directory.
  const who = actor();
  return withApp('editor', options, async ({ context }: App) => {
    const revoked = await revoke(context, { which, reason: options.reason, actor: who });
    if (!revoked.ok) return fail(options, revoked);
    const gone = revoked.value.revoked;
    if (gone.length === 0)
      return fail(options, {
        sentence: `there is no token ${'id' in which ? which.id : `of ${which.hostname}`}`,
        hint: '"tagwave-server token list" shows those that there are',
      });
    const hosts = new Set(gone.flatMap((one) => (one.kind === 'node' && one.state === 'active' ? [one.hostname] : [])));
    return succeed(options, { ok: true, revoked: gone.map(({ id }) => id) }, () => [
      ...gone.map((one) => `Revoked: ${wordsFor(one)} (${one.id}).`),
      ...[...hosts]
        .filter((host) => !context.credentials.ofNode(host).some(({ state }) => state === 'active'))
        .map(
          (host) =>
            `${host} keeps what it has, and its name stays taken. To let it in again: tagwave-server token create --node ${host}, or tagwave-server token forget ${host} so that it can join anew.`,
        ),
    ]);
  });
}

function forgetCommand(host: string, options: CommonOptions): Promise<ExitCode> {
  const hostname = parseHostname(host);
  if (hostname === undefined)
    return Promise.resolve(misuse(options, `"${host}" is no host name`, '"tagwave-server token list" shows them'));
  // As root calls it, which then goes on as the owner of the state directory.
  const who = actor();
  return withApp('editor', options, async ({ context }) => {
    const freed = await forgetHost(context, { hostname, actor: who });
    if (!freed.ok) return fail(options, freed);
    const { revoked, wasTaken } = freed.value;
    return succeed(options, { ok: true, changed: wasTaken, revoked: revoked.map(({ id }) => id) }, () => [
      wasTaken
        ? `${hostname} is forgotten with ${plural(revoked.length, 'token')}: whoever may join can join as it.`
        : `${hostname} had no token: nothing to change.`,
    ]);
  });
}
