import { parseEnvironment, type TagName } from '../../protocol/names.ts';
import { appliesTo, type MarkState, stops } from './marks.ts';
import { nearest } from './nearest.ts';
import { type LineReading, readLine } from './tagstate.ts';
import { linesOf, type TextLine, textOf } from './text-lines.ts';
import { oneLine, quoted } from './wording.ts';

export interface TagstateEdit {
  readonly tag: TagName;
  readonly state: MarkState | 'none';
  /** Undefined = for all environments. */
  readonly environments?: readonly string[] | undefined;
  /** Undefined = as it was, where the state stays or only bad and badfwd change places; otherwise none. */
  readonly reason?: string | undefined;
  /** The environments of the schedule. An edit for another one is refused. Empty = not known now: all well-formed names are. */
  readonly known: ReadonlySet<string>;
  /** Nobody's word but the server's: only where the file has no line about the tag, its reason written as a remark. */
  readonly automatic?: boolean | undefined;
}

export interface Refused {
  readonly refused: string;
  readonly hint: string;
}

export type EditedTagstate = { readonly text: string; readonly changed: boolean } | Refused;

/** A line about the tag that is edited. */
type Own = Extract<LineReading, { kind: 'mark' }> & { readonly index: number; readonly text: string };

/** What becomes of the tag's own lines: by index the new text, null = removed. Lines that are not named stay as they are. */
interface Plan {
  readonly changes: ReadonlyMap<number, string | null>;
  readonly append: string | null;
}

/** Everything up to the colon, and the environments. */
const SCOPE = /^(\s*\S+\s+[^\s:]*:)\S*/;
const BOM = '\uFEFF';
const UNCHANGED: Plan = { changes: new Map(), append: null };

/**
 * The file with one tag's mark set or removed, for all environments or for some. Every line of other tags, every comment and
 * the file's line ends stay byte for byte; what the tag means in other environments stays too.
 */
export function editTagstate(text: string, edit: TagstateEdit): EditedTagstate {
  const refusal = refuseEnvironments(edit);
  if (refusal !== undefined) return refusal;
  const bom = text.startsWith(BOM) ? BOM : '';
  const lines = linesOf(text.slice(bom.length));
  const own = ownLines(lines, edit.tag);
  const { environments } = edit;
  if (edit.automatic === true && own.length > 0) return { text, changed: false };
  const known =
    edit.known.size > 0
      ? edit.known
      : new Set([...(environments ?? []), ...own.flatMap((line) => line.environments ?? [])]);
  const plan = environments === undefined ? planForAll(own, edit) : planForSome(own, { ...edit, known }, environments);
  if ('refused' in plan) return plan;
  const edited = bom + rebuild(lines, plan);
  return { text: edited, changed: edited !== text };
}

function refuseEnvironments({ environments, known }: TagstateEdit): Refused | undefined {
  if (environments === undefined) return undefined;
  const hint = known.size > 0 ? `the environments are ${[...known].join(', ')}` : 'name one of the schedule';
  if (environments.length === 0) return { refused: 'no environment is named', hint };
  const wrong = environments.find((name) => (known.size > 0 ? !known.has(name) : parseEnvironment(name) === undefined));
  if (wrong === undefined) return undefined;
  const meant = nearest(wrong, known);
  const guess = meant === undefined ? '' : `was ${meant} meant? `;
  return { refused: `${quoted(wrong)} is no environment of the schedule`, hint: `${guess}${hint}` };
}

function ownLines(lines: readonly TextLine[], tag: TagName): Own[] {
  return lines.flatMap(({ text }, index) => {
    const reading = readLine(text);
    return reading.kind === 'mark' && reading.tag === tag ? [{ ...reading, index, text }] : [];
  });
}

/** After an edit for all environments the tag has exactly one line, or none. */
function planForAll(own: readonly Own[], edit: TagstateEdit): Plan {
  const changes = new Map<number, string | null>(own.map(({ index }) => [index, null]));
  if (edit.state === 'none') return { changes, append: null };
  const place = own.findLast((line) => line.environments === null);
  if (place === undefined) return { changes, append: newLine(edit, edit.state, own.at(-1)) };
  return { changes: replaced(changes, place, edit), append: null };
}

/** An edit for some environments takes them out of the tag's other lines; a line for all stays and is overridden. */
function planForSome(own: readonly Own[], edit: TagstateEdit, wanted: readonly string[]): Plan | Refused {
  if (wanted.every((environment) => isSo(own, edit, environment))) return UNCHANGED;
  const { taken, kept, changes } = takeOut(own, wanted);
  const overrides = (line: Own) => wanted.some((environment) => appliesTo(line, environment, edit.known));
  if (edit.state === 'none') {
    const still = kept.findLast(overrides);
    return still === undefined ? { changes, append: null } : refuseNone(still, edit);
  }
  const place = taken.findLast((line) => hasScope(line, wanted));
  if (place === undefined || kept.some((line) => line.index > place.index && overrides(line)))
    return { changes, append: newLine(edit, edit.state, own.findLast(overrides)) };
  return { changes: replaced(changes, place, edit), append: null };
}

/** Parts a tag's lines into those that name only the wanted environments, and the others without those names. */
function takeOut(own: readonly Own[], wanted: readonly string[]) {
  const taken: Own[] = [];
  const kept: Own[] = [];
  const changes = new Map<number, string | null>();
  for (const line of own) {
    const names = line.environments ?? [];
    const rest = names.filter((name) => !wanted.includes(name));
    if (rest.length === names.length) kept.push(line);
    else if (rest.length > 0) {
      kept.push({ ...line, environments: rest });
      changes.set(line.index, line.text.replace(SCOPE, `$1${rest.join(',')}`));
    } else {
      taken.push(line);
      changes.set(line.index, null);
    }
  }
  return { taken, kept, changes };
}

/** Whether an environment already has what the edit asks for. */
function isSo(own: readonly Own[], edit: TagstateEdit, environment: string): boolean {
  const line = own.findLast((candidate) => appliesTo(candidate, environment, edit.known));
  return line === undefined ? edit.state === 'none' : says(line, edit);
}

function says(line: Own, { state, reason }: TagstateEdit): boolean {
  return line.understood && line.state === state && (reason === undefined || oneLine(reason) === line.reason);
}

function hasScope({ environments }: Own, wanted: readonly string[]): boolean {
  return environments !== null && wanted.every((name) => environments.includes(name));
}

function replaced(changes: Map<number, string | null>, place: Own, edit: TagstateEdit): Plan['changes'] {
  if (edit.state === 'none' || says(place, edit)) changes.delete(place.index);
  else changes.set(place.index, newLine(edit, edit.state, place));
  return changes;
}

/** A reason that is not given stays where the line goes on to stop the tag: it still says why. */
function newLine(
  { tag, environments, reason, automatic }: TagstateEdit,
  state: MarkState,
  before: Own | undefined,
): string {
  const scope = environments === undefined ? '' : `:${[...new Set(environments)].join(',')}`;
  const stays = before !== undefined && (before.state === state || (stops(before.state) && stops(state)));
  const said = oneLine(reason ?? (stays ? before.reason : ''));
  const escaped = automatic === true ? ` # ${said}` : said.startsWith('#') ? `# ${said}` : said;
  return `${tag} ${state}${scope}${escaped === '' ? '' : ` ${escaped}`}`;
}

function refuseNone(still: Own, { tag, environments = [] }: TagstateEdit): Refused {
  const names = environments.join(',');
  const opposite = stops(still.state) ? 'good' : 'bad';
  return {
    refused: `${tag} is ${still.state} for ${names} by line ${still.index + 1}, which is for all environments`,
    hint:
      `mark it ${opposite} for ${names} (tagwave-server mark ${tag} ${opposite} --environment ${names}), ` +
      `or take the mark off for all (tagwave-server mark ${tag} none)`,
  };
}

/** A file that had content never becomes empty: an emptied tagstate looks like an accident, and its marks would stay. */
function rebuild(lines: readonly TextLine[], { changes, append }: Plan): string {
  const end = lines.findLast((line) => line.end !== '')?.end ?? '\n';
  const kept = lines.flatMap((line, index): TextLine[] => {
    const change = changes.get(index);
    if (change === undefined) return [line];
    return change === null ? [] : [{ text: change, end: line.end || end }];
  });
  // Together they would end one line.
  for (const [index, line] of kept.entries())
    if (line.end === '\r' && kept[index + 1]?.text === '' && kept[index + 1]?.end === '\n')
      kept[index] = { ...line, end: '\r\n' };
  const wasBlank = lines.every((line) => line.text.trim() === '');
  const isBlank = append === null && kept.every((line) => line.text.trim() === '');
  const added = append ?? (isBlank && !wasBlank ? '# no marks' : null);
  if (added === null) return textOf(kept);
  return `${textOf(kept.map((line) => ({ ...line, end: line.end || end })))}${added}${end}`;
}
