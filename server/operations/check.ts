import { NODE_GROUPS_RULES, NODES_RULES, PINS_RULES, SCHEDULE_RULES } from '../core/control-rules.ts';
import { readKillswitch } from '../core/killswitch.ts';
import { type FileError, type Problem, sentenceOf } from '../core/problem.ts';
import { DEFAULT_SCHEDULE, environmentsOf } from '../core/schedule.ts';
import type { FileRules } from '../core/settle.ts';
import type { Tag } from '../core/tag.ts';
import { parseTagstate, tagstateProblems } from '../core/tagstate.ts';
import type { ControlFileName, ControlFiles } from '../ports/files.ts';
import type { ProgramState } from '../ports/programs.ts';
import type { Settings } from '../settings/settings.ts';

export interface CheckPorts {
  readonly files: ControlFiles;
  readonly settings: FileRules<Settings>;
  /** Where there are tags to compare marks with; empty where there are none to be read. */
  readonly tags: readonly Tag[];
  readonly programs: readonly { readonly name: string; readonly state: ProgramState }[];
  /** Why no commit can be verified, where that is asked for. */
  readonly signatures: string | null;
  /** Files of secrets that others may read. */
  readonly secrets: readonly Problem[];
}

/** Something wrong; where it is about a key or a word of a file, with which, what was expected and what was found. */
export type Finding = Problem & Partial<Pick<FileError, 'key' | 'expected' | 'found'>>;

/** Everything that is wrong with the control files as they are now, settled or not, as CI would want to know before a push. */
export function check({ files, settings, tags, programs, signatures, secrets }: CheckPorts): Finding[] {
  const schedule = look(files, SCHEDULE_RULES);
  const environments = environmentsOf(schedule.meaning ?? DEFAULT_SCHEDULE);
  return [
    ...lookAtSettings(files, settings),
    ...schedule.findings,
    ...look(files, NODES_RULES).findings,
    ...look(files, NODE_GROUPS_RULES).findings,
    ...look(files, PINS_RULES).findings,
    ...checkTagstate(files, tags, environments),
    ...readKillswitch(files.killswitch(), environments).problems,
    ...programs.flatMap(({ name, state }) => (state.kind === 'unusable' ? [unusable(name, state.why)] : [])),
    ...(signatures === null ? [] : [unverifiable(signatures)]),
    ...secrets,
  ];
}

interface Looked<Meaning> {
  readonly meaning?: Meaning;
  readonly findings: readonly Finding[];
}

function look<Meaning>(files: ControlFiles, rules: FileRules<Meaning>): Looked<Meaning> {
  const { look: found } = files.sighting(rules.file as ControlFileName, 0);
  if (found.kind === 'absent') return { meaning: rules.absent, findings: [] };
  if (found.kind === 'unreadable') return { findings: [unreadable(rules.file, found.why)] };
  if (rules.isEmpty(found.text))
    return { findings: [finding(rules.file, `${rules.file} is empty: ${rules.howToClear}`)] };
  const parsed = rules.parse(found.text);
  if (parsed.ok) return { meaning: parsed.value, findings: parsed.problems ?? [] };
  return { findings: parsed.errors.map(findingOf) };
}

/** Variables of the environment count without the file, too. */
function lookAtSettings(files: ControlFiles, rules: FileRules<Settings>): readonly Finding[] {
  if (files.sighting('server.yml', 0).look.kind !== 'absent') return look(files, rules).findings;
  const parsed = rules.parse('{}');
  return parsed.ok ? [] : parsed.errors.map(findingOf);
}

function checkTagstate(
  files: ControlFiles,
  tags: readonly Tag[],
  environments: ReturnType<typeof environmentsOf>,
): readonly Finding[] {
  const { look: found } = files.sighting('tagstate', 0);
  if (found.kind === 'absent') return [];
  if (found.kind === 'unreadable') return [unreadable('tagstate', found.why)];
  const { lines, problems } = parseTagstate(found.text, 'tagstate', { tags });
  // Without tags at hand it cannot be said which of them exist.
  const retainedSince = tags[0]?.hour ?? Number.POSITIVE_INFINITY;
  return [...problems, ...tagstateProblems(lines, { environments, tags, retainedSince })];
}

function findingOf(error: FileError): Finding {
  const { file, line, key, expected, found } = error;
  return { ...finding(file, sentenceOf(error)), line, key, expected, found };
}

function unreadable(file: string, why: string): Finding {
  return finding(file, `${file} cannot be read: ${why}`);
}

function finding(file: string, sentence: string): Finding {
  return { id: `${file}:check`, severity: 'error', sentence, hint: `correct ${file}`, file };
}

function unverifiable(sentence: string): Finding {
  const hint = 'no tag is made until then: put right what repo.allowed_signers names, or change repo.verify';
  return { id: 'repository:signatures', severity: 'error', sentence, hint, file: 'server.yml' };
}

function unusable(name: string, why: string): Finding {
  return {
    id: `${name}:unusable`,
    severity: 'error',
    sentence: why,
    hint: `every node holds until ${name} can be run`,
    file: name,
  };
}
