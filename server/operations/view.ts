import type { Hostname, TagName } from '../../protocol/names.ts';
import type { NodeInputs } from '../core/node-inputs.ts';
import type { Attempt } from '../ports/common.ts';
import { type PreviewedView, UnfitContent, type Views } from '../ports/content.ts';
import { contentOf } from './assign.ts';
import type { Context } from './context.ts';
import { type Explanation, explain } from './explain.ts';

/** What somebody says of a node that the control files don't. */
export interface Supposed {
  readonly environment?: string;
  readonly groups?: readonly string[];
  readonly facts?: Readonly<Record<string, string>>;
}

export interface ViewQuestion extends Supposed {
  readonly hostname: Hostname;
  /** Undefined: what the node would get. */
  readonly tag?: TagName | 'trunk';
  /** Milliseconds since 1970; undefined = now. */
  readonly at?: number;
}

export interface SeenView {
  readonly hostname: Hostname;
  /** A tag, `trunk`, or the directory of a checkout. */
  readonly of: string;
  readonly environment: string;
  readonly groups: readonly string[];
  readonly view: PreviewedView;
}

/** A node's view as the node would get it. Changes nothing. */
export async function viewOfNode(context: Context, question: ViewQuestion): Promise<Attempt<SeenView>> {
  const explained = await explain(context, question.hostname, question.at);
  if (!explained.ok) return explained;
  const tag = question.tag ?? tagOf(explained.value);
  if (typeof tag !== 'string') return tag;
  const node = inputsFrom(context, explained.value, question);
  if (!node.ok) return node;
  const content = contentOf(context, tag);
  if (content === undefined)
    return { ok: false, sentence: `there is no ${tag}`, hint: '"tagwave-server tags" lists the tags that there are' };
  return seen(context.views, { of: tag, tree: content.tree, node: node.value });
}

/** What decides a node's view of whatever tree. */
export async function nodeInputs(
  context: Context,
  hostname: Hostname,
  supposed: Supposed,
): Promise<Attempt<NodeInputs>> {
  const explained = await explain(context, hostname);
  return explained.ok ? inputsFrom(context, explained.value, supposed) : explained;
}

/** Where nothing is known of a node but what somebody says. */
export function supposedInputs(
  hostname: Hostname,
  { environment, groups = [], facts = {} }: Supposed,
): Attempt<NodeInputs> {
  return environment === undefined
    ? noEnvironment(hostname)
    : { ok: true, value: { hostname, environment, groups, facts } };
}

interface Sought {
  readonly of: string;
  readonly tree: Parameters<Views['preview']>[0];
  readonly node: NodeInputs;
}

export async function seen(views: Pick<Views, 'preview'>, { of, tree, node }: Sought): Promise<Attempt<SeenView>> {
  try {
    const view = await views.preview(tree, node);
    const hostname = node.hostname as Hostname;
    return { ok: true, value: { hostname, of, environment: node.environment, groups: node.groups, view } };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const sentence = `${of} has no view for ${node.hostname}: ${why}`;
    const hint =
      error instanceof UnfitContent
        ? 'correct that; --worktree DIR shows the view before it is committed'
        : 'see that the repository can be read';
    return { ok: false, sentence, hint };
  }
}

function tagOf({ hostname, decision }: Explanation): TagName | 'trunk' | Extract<Attempt<never>, { ok: false }> {
  if (decision.outcome === 'serve') return decision.tag;
  const what = decision.outcome === 'hold' ? `hold ${decision.hold}` : 'killswitch';
  const sentence = `${hostname} is not given anything (${what}): ${decision.message}`;
  return { ok: false, sentence, hint: 'name a tag, or trunk, with --tag' };
}

function inputsFrom(context: Context, explained: Explanation, supposed: Supposed): Attempt<NodeInputs> {
  const { hostname } = explained;
  const environment = supposed.environment ?? explained.environment;
  if (environment === '') return noEnvironment(hostname);
  const groups = supposed.groups ?? explained.groups;
  return {
    ok: true,
    value: { hostname, environment, groups, facts: { ...context.fleet.facts(hostname), ...supposed.facts } },
  };
}

function noEnvironment(hostname: Hostname): Attempt<never> {
  const sentence = `it is not known which environment ${hostname} is in`;
  return { ok: false, sentence, hint: 'say it with --environment, and its groups with --group' };
}
