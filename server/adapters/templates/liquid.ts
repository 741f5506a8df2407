import { Context, Liquid, type Template } from 'liquidjs';
import { threadCpuMs } from '../thread-cpu.ts';
import { findPositionsFast } from './positions.ts';

/** What is wrong with a template: where, and what. */
export interface TemplateFlaw {
  /** 1-based. */
  readonly line: number;
  /** A sentence without the file's name, such as `undefined variable ntp.servers`. */
  readonly what: string;
}

/** A template that was read once and is rendered for many nodes. */
export interface ParsedTemplate {
  /** Paths of all names that it mentions, its own included. A path is cut off where it goes on by another variable. */
  readonly mentions: readonly (readonly string[])[];
  render(scope: Readonly<Record<string, unknown>>): { readonly text: string } | { readonly flaw: TemplateFlaw };
}

/** Characters of a template, and of what it becomes. */
export const TEMPLATE_LIMIT = 1024 * 1024;
export const OUTPUT_LIMIT = 4 * 1024 * 1024;
/** Of a template: so that what it can do ends within a second on any machine, with the same verdict on all of them. */
const MOST_STEPS = 100_000;
const MOST_OBJECTS = 10_000_000;
/** Of one template: reading and rendering it would take minutes beyond that. */
const MOST_TAGS = 20_000;
/** A single step can be long, where it searches long texts: so much work is too much on any machine. */
const MOST_CPU_MS = 2_000;
/** So often it is looked at, as soon as something takes so long. */
const LOOK_EVERY_MS = 250;
/** Only a machine that stands still needs so long: no reason to call a template wrong. */
const RENDER_MS = 10_000;

/** The same template must give the same bytes on every server at any time, and use nothing that the analysis cannot see. */
const WITHOUT_TAGS: Readonly<Record<string, string>> = {
  include: 'a template stands for itself',
  render: 'a template stands for itself',
  layout: 'a template stands for itself',
  block: 'a template stands for itself',
  increment: 'it would change what it reads; use assign and plus',
  decrement: 'it would change what it reads; use assign and minus',
};
const WITHOUT_FILTERS = [
  ...['date', 'date_to_xmlschema', 'date_to_rfc822', 'date_to_string', 'date_to_long_string', 'sample'],
  ...['where_exp', 'reject_exp', 'group_by_exp', 'has_exp', 'find_index_exp', 'find_exp'],
];

findPositionsFast();
const engine = openEngine();

function openEngine(): Liquid {
  const liquid = new Liquid({
    strictVariables: true,
    strictFilters: true,
    lenientIf: true,
    ownPropertyOnly: true,
    cache: false,
    // Nothing is ever looked up on the disk.
    templates: {},
    parseLimit: TEMPLATE_LIMIT,
    memoryLimit: MOST_OBJECTS,
    outputEscape: printable,
  });
  for (const [tag, why] of Object.entries(WITHOUT_TAGS))
    liquid.registerTag(tag, {
      parse() {
        throw new Error(`the tag "${tag}" is not available: ${why}`);
      },
      render: () => undefined,
    });
  for (const filter of WITHOUT_FILTERS) liquid.unregisterFilter(filter);
  return liquid;
}

/** A mapping would become "[object Object]" in somebody's configuration. What is printed counts as what is heaped up. */
function printable(this: { readonly context: Context }, value: unknown): string {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    throw new Error('a mapping cannot be printed: name one of its keys, or write it as | json');
  const text = printed(value);
  this.context.memoryLimit.use(text.length);
  return text;
}

function printed(value: unknown): string {
  if (Array.isArray(value)) return value.map(printed).join('');
  return value === undefined || value === null ? '' : String(value);
}

/** Reads a template, or says what is wrong with it. */
export function parseTemplate(text: string): { readonly template: ParsedTemplate } | { readonly flaw: TemplateFlaw } {
  const tags = count(text, '{{') + count(text, '{%');
  if (tags > MOST_TAGS) return { flaw: { line: 1, what: `it has ${tags} tags, more than the ${MOST_TAGS} allowed` } };
  try {
    const parsed = engine.parse(text);
    const flaw = unnamedIn(parsed, text);
    if (flaw !== undefined) return { flaw };
    return { template: { mentions: mentionsOf(parsed), render: (scope) => render(parsed, scope) } };
  } catch (error) {
    return { flaw: flawFrom(error) };
  }
}

function count(text: string, what: string): number {
  let found = 0;
  for (let at = text.indexOf(what); at !== -1; at = text.indexOf(what, at + what.length)) found++;
  return found;
}

/** `[name]` alone is whatever the variable is called that `name` has the name of: nobody can see which that will be. */
function unnamedIn(parsed: Template[], text: string): TemplateFlaw | undefined {
  const lines = text.split('\n');
  const used = Object.values(engine.analyzeSync(parsed, { partials: false }).variables).flat();
  const unnamed = used.find(({ location: { row, col } }) => lines[row - 1]?.[col - 1] === '[');
  if (unnamed === undefined) return undefined;
  return { line: unnamed.location.row, what: `${WITHOUT_NAME}: write a variable's own name before it` };
}

const WITHOUT_NAME = 'a name in brackets with nothing before them';

function mentionsOf(parsed: Template[]): string[][] {
  return engine.variableSegmentsSync(parsed, { partials: false }).map((segments) => {
    const end = segments.findIndex((segment) => Array.isArray(segment));
    return (end === -1 ? segments : segments.slice(0, end)).map(String);
  });
}

function render(parsed: Template[], scope: Readonly<Record<string, unknown>>) {
  try {
    const text: unknown = engine.renderSync(parsed, limited(scope));
    const whole = typeof text === 'string' ? text : String(text);
    if (whole.length <= OUTPUT_LIMIT) return { text: whole };
    return { flaw: { line: 1, what: `it becomes ${whole.length} characters, more than the ${OUTPUT_LIMIT} allowed` } };
  } catch (error) {
    if (property(error, 'originalError') instanceof StoodStill) throw new StoodStill();
    return { flaw: flawFrom(error) };
  }
}

class StoodStill extends Error {
  override readonly name = 'StoodStill';
  override readonly message = `a template was not rendered within ${RENDER_MS / 1000} s: the machine is too busy`;
}

/** Counts steps, where LiquidJS itself would look at the clock only: it asks before each of them. */
function limited(scope: Readonly<Record<string, unknown>>): Context {
  const context = new Context(
    { ...scope },
    engine.options,
    { sync: true, memoryLimit: MOST_OBJECTS },
    { liquid: engine },
  );
  let steps = 0;
  let cpuAtFirst: number | undefined;
  let began: number | undefined;
  let look = 0;
  context.renderLimit.check = (now) => {
    if (++steps > MOST_STEPS) throw new Error(`it takes more than ${MOST_STEPS} steps`);
    if (began === undefined) {
      began = now;
      look = now + LOOK_EVERY_MS;
    } else if (now > look) {
      look = now + LOOK_EVERY_MS;
      const cpu = threadCpuMs();
      cpuAtFirst ??= cpu;
      if (cpu - cpuAtFirst > MOST_CPU_MS) throw new Error(`it takes more than ${MOST_CPU_MS / 1000} s of a processor`);
      if (now > began + RENDER_MS) throw new StoodStill();
    }
  };
  return context;
}

/** LiquidJS says where in its own object, and the cause, which names a variable, in the error behind it. */
function flawFrom(error: unknown): TemplateFlaw {
  const line = lineOf(property(error, 'token'));
  const cause = property(error, 'originalError');
  const variable = property(cause, 'variableName');
  if (typeof variable === 'string') return { line, what: `undefined variable ${variable}` };
  const message = property(cause, 'message') ?? property(error, 'message');
  const [first = ''] = String(message).split('\n');
  return { line, what: first.replace(/, (file:.*?, )?line:\d+, col:\d+$/, '') };
}

function lineOf(token: unknown): number {
  const where = property(token, 'getPosition');
  const position: unknown = typeof where === 'function' ? where.call(token) : undefined;
  const line: unknown = Array.isArray(position) ? position[0] : undefined;
  return typeof line === 'number' ? line : 1;
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/**
 * What of a scope a template can see: equal texts render equal. Whatever goes into a list, or is a property of one such as
 * its size, stands for the whole list.
 */
export function visibleTo({ mentions }: ParsedTemplate, scope: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(
    mentions.map((path) => seen(path, scope)),
    (_key, value) => (typeof value === 'number' && !Number.isFinite(value) ? { number: String(value) } : value),
  );
}

/** How far a path leads, which is what an error names, and to which value; without one where there is none. */
function seen(path: readonly string[], scope: Readonly<Record<string, unknown>>): readonly [number, unknown?] {
  let value: unknown = scope;
  for (const [depth, name] of path.entries()) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [depth, value];
    if (Object.hasOwn(value, name)) value = Reflect.get(value, name);
    else return value === scope || !OF_ANYTHING.has(name) ? [depth] : [depth, value];
  }
  return [path.length, value];
}

/** What LiquidJS says of a value that has no such property. */
const OF_ANYTHING: ReadonlySet<string> = new Set(['size', 'first', 'last']);
