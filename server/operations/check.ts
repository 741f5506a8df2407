import { NODE_GROUPS_RULES, NODES_RULES, PINS_RULES, SCHEDULE_RULES } from '../core/control-rules.ts';
import { readKillswitch } from '../core/killswitch.ts';
import { type Problem, sentenceOf } from '../core/problem.ts';
import { DEFAULT_SCHEDULE, environmentsOf } from '../core/schedule.ts';
import type { FileRules } from '../core/settle.ts';
import type { Tag } from '../core/tag.ts';
import { parseTagstate, tagstateProblems } from '../core/tagstate.ts';
import type { ControlFileName, ControlFiles, ProgramState } from '../ports.ts';
import type { Settings } from '../settings/settings.ts';

export interface CheckPorts {
  readonly files: ControlFiles;
  readonly settings: FileRules<Settings>;
  /** Where there are tags to compare marks with; empty where there are none to be read. */
  readonly tags: readonly Tag[];
  readonly programs: readonly { readonly name: string; readonly state: ProgramState }[];
}

/** Everything that is wrong with the control files as they are now, settled or not, as CI would want to know before a push. */
export function check({ files, settings, tags, programs }: CheckPorts): Problem[] {
  const schedule = look(files, SCHEDULE_RULES);
  const environments = environmentsOf(schedule.meaning ?? DEFAULT_SCHEDULE);
  return [
    ...look(files, settings).problems,
    ...schedule.problems,
    ...look(files, NODES_RULES).problems,
    ...look(files, NODE_GROUPS_RULES).problems,
    ...look(files, PINS_RULES).problems,
    ...checkTagstate(files, tags, environments),
    ...readKillswitch(files.killswitch(), environments).problems,
    ...programs.flatMap(({ name, state }) => (state.kind === 'unusable' ? [unusable(name, state.why)] : [])),
  ];
}

function look<Meaning>(
  files: ControlFiles,
  rules: FileRules<Meaning>,
): { meaning?: Meaning; problems: readonly Problem[] } {
  const { look: found } = files.sighting(rules.file as ControlFileName, 0);
  if (found.kind === 'absent') return { meaning: rules.absent, problems: [] };
  if (found.kind === 'unreadable')
    return { problems: [problem(rules.file, `${rules.file} cannot be read: ${found.why}`)] };
  if (rules.isEmpty(found.text))
    return { problems: [problem(rules.file, `${rules.file} is empty: ${rules.howToClear}`)] };
  const parsed = rules.parse(found.text);
  if (parsed.ok) return { meaning: parsed.value, problems: parsed.problems ?? [] };
  return { problems: parsed.errors.map((error) => ({ ...problem(rules.file, sentenceOf(error)), line: error.line })) };
}

function checkTagstate(
  files: ControlFiles,
  tags: readonly Tag[],
  environments: ReturnType<typeof environmentsOf>,
): readonly Problem[] {
  const { look: found } = files.sighting('tagstate', 0);
  if (found.kind === 'absent') return [];
  if (found.kind === 'unreadable') return [problem('tagstate', `tagstate cannot be read: ${found.why}`)];
  const { lines, problems } = parseTagstate(found.text, 'tagstate', { tags });
  const oldest = tags[0]?.hour;
  // Without tags at hand it cannot be said which of them exist.
  const retainedSince = oldest ?? Number.POSITIVE_INFINITY;
  return [...problems, ...tagstateProblems(lines, { environments, tags, retainedSince })];
}

function problem(file: string, sentence: string): Problem {
  return { id: `${file}:check`, severity: 'error', sentence, hint: `correct ${file}`, file };
}

function unusable(name: string, why: string): Problem {
  return {
    id: `${name}:unusable`,
    severity: 'error',
    sentence: why,
    hint: `every node holds until ${name} can be run`,
    file: name,
  };
}
