import { NO_NODE_GROUPS, type NodeGroups, parseNodeGroups } from './groups.ts';
import { NO_NODES, type NodesFile, parseNodes } from './nodes.ts';
import { NO_PINS, type Pins, parsePins } from './pins.ts';
import { DEFAULT_SCHEDULE, parseSchedule, type Schedule } from './schedule.ts';
import type { FileRules, Reading } from './settle.ts';
import { isEmptyYaml } from './yaml-file.ts';

const NONE_IN_YAML = 'to mean "none", write {}';

export const SCHEDULE_RULES: FileRules<Schedule> = {
  file: 'schedule.yml',
  absent: DEFAULT_SCHEDULE,
  parse: parseSchedule,
  isEmpty: isEmptyYaml,
  howToClear: 'the default schedule counts only where there never was a file; write out the waves you want',
};

export const NODES_RULES: FileRules<NodesFile> = {
  file: 'nodes.yml',
  absent: NO_NODES,
  parse: parseNodes,
  isEmpty: isEmptyYaml,
  howToClear: NONE_IN_YAML,
};

export const NODE_GROUPS_RULES: FileRules<NodeGroups> = {
  file: 'nodegroups.yml',
  absent: NO_NODE_GROUPS,
  parse: parseNodeGroups,
  isEmpty: isEmptyYaml,
  howToClear: NONE_IN_YAML,
};

export const PINS_RULES: FileRules<Pins> = {
  file: 'pins',
  absent: NO_PINS,
  parse: readPins,
  isEmpty: (text) => text.trim() === '',
  emptyIsNone: true,
  howToClear: 'to clear all pins leave one comment line',
};

function readPins(text: string): Reading<Pins> {
  const { pins, problems, errors, hostsUnreadable } = parsePins(text);
  return hostsUnreadable ? { ok: false, errors } : { ok: true, value: pins, problems };
}
