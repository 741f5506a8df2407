import type { Environment, TagName } from '../../protocol/names.ts';
import { NODE_GROUPS_RULES, NODES_RULES, PINS_RULES, SCHEDULE_RULES } from '../core/control-rules.ts';
import type { NodeGroups } from '../core/groups.ts';
import type { Killswitch, readKillswitch } from '../core/killswitch.ts';
import type { MarkLine } from '../core/marks.ts';
import type { NodesFile } from '../core/nodes.ts';
import type { Pins } from '../core/pins.ts';
import type { FileError, Problem } from '../core/problem.ts';
import { environmentsOf, type Schedule } from '../core/schedule.ts';
import type { FileRules, Settled } from '../core/settle.ts';
import type { SettledTagstate } from '../core/settle-tagstate.ts';
import type { ControlFiles, StateFiles } from '../ports/files.ts';
import type { Settings } from '../settings/settings.ts';
import { type ControlChange, heldFile, heldMarks, seenKillswitch, type Tray } from './held.ts';
import { openSaver } from './saver.ts';

/** The control files as they stand in effect. A new object whenever anything in it changed. */
export interface Controls {
  readonly settings: Settings;
  readonly schedule: Schedule;
  readonly environments: ReadonlySet<Environment>;
  readonly nodes: NodesFile;
  readonly nodeGroups: NodeGroups;
  readonly pins: Pins;
  readonly marks: ReadonlyMap<TagName, readonly MarkLine[]>;
  /** The lines of `tagstate` as it is now, for problems that name tags. */
  readonly markLines: readonly MarkLine[];
  readonly killswitch: Killswitch;
  readonly problems: readonly Problem[];
}

export type DeskState =
  | { readonly kind: 'ready'; readonly controls: Controls }
  /** A file is still being written, or was written just now: come back. */
  | { readonly kind: 'starting'; readonly killswitch: Killswitch; readonly waitingFor: readonly string[] }
  /** A file is invalid and there is no last valid text to go by. */
  | { readonly kind: 'refused'; readonly killswitch: Killswitch; readonly errors: readonly FileError[] };

export interface Desk {
  /**
   * Answers what is in effect. The killswitch is looked at each time; the other files where the last look is 15 ms old.
   * Called every 25 ms and before a decision, so a change is noticed within 50 ms.
   */
  look(): DeskState;
  /** Looks at all files however fresh the last look is: for who has just changed one. */
  lookAgain(): DeskState;
  /** What the last look found: for those who have their part in a decision that began with a look. */
  last(): DeskState;
}

export interface DeskPorts {
  readonly files: ControlFiles;
  readonly state: StateFiles;
  readonly settings: FileRules<Settings>;
  /** Milliseconds since some start. */
  readonly monotonic: () => number;
  /** Called for each change that took effect. */
  readonly onChange: (change: ControlChange) => void;
  /** Called with the reason while the state directory cannot be written (what is in effect may be lost at a restart), and with null when it can again. */
  readonly onStateTrouble: (reason: string | null) => void;
}

const FRESH_MS = 15;

/** Reads the control files of a base directory safely: what is in effect survives restarts in the state directory. */
export function openDesk(ports: DeskPorts): Desk {
  const saver = openSaver(ports.state, ports.onStateTrouble);
  const tray: Tray = { ...ports, save: saver.save };
  const settings = heldFile(tray, ports.settings);
  const schedule = heldFile(tray, SCHEDULE_RULES);
  const nodes = heldFile(tray, NODES_RULES);
  const nodeGroups = heldFile(tray, NODE_GROUPS_RULES);
  const pins = heldFile(tray, PINS_RULES);
  const tagstate = heldMarks(tray);
  const killswitch = seenKillswitch(tray);
  let seconds = ports.settings.absent.settleSeconds;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let lookedTrace = '';
  let last: { readonly parts: readonly unknown[]; readonly state: DeskState } | undefined;

  const look = (): DeskState => {
    const trace = ports.files.killswitchTrace();
    const isFresh = ports.monotonic() - lookedAt < FRESH_MS && trace === lookedTrace;
    return last && isFresh ? last.state : lookAgain(trace);
  };

  const lookAgain = (trace: string): DeskState => {
    lookedAt = ports.monotonic();
    // Taken before the look: what changes during it is seen next time.
    lookedTrace = trace;
    saver.retry();
    const set = settings.look(seconds);
    seconds = (set.held?.meaning ?? ports.settings.absent).settleSeconds;
    const files = [
      set,
      schedule.look(seconds),
      nodes.look(seconds),
      nodeGroups.look(seconds),
      pins.look(seconds),
    ] as const;
    const environments = environmentsFor(files[1]);
    const marks = tagstate.look(seconds, environments);
    const stop = killswitch.look(environments);
    const parts = [...files, marks, stop];
    if (last?.parts.every((part, index) => part === parts[index])) return last.state;
    const state = assemble({ files, environments, marks, stop });
    last = { parts, state };
    return state;
  };

  return { look, lookAgain: () => lookAgain(ports.files.killswitchTrace()), last: () => last?.state ?? look() };
}

type Files = readonly [Settled<Settings>, Settled<Schedule>, Settled<NodesFile>, Settled<NodeGroups>, Settled<Pins>];

interface Parts {
  readonly files: Files;
  readonly environments: ReadonlySet<Environment>;
  readonly marks: SettledTagstate;
  readonly stop: ReturnType<typeof readKillswitch>;
}

function assemble({ files, environments, marks, stop }: Parts): DeskState {
  const [settings, schedule, nodes, nodeGroups, pins] = files;
  const killswitch = stop.killswitch;
  const errors = [
    ...files.flatMap((file) => (file.held === undefined ? file.errors : [])),
    ...(marks.inEffect === undefined ? marks.errors : []),
  ];
  if (errors.length > 0) return { kind: 'refused', killswitch, errors };
  if (!settings.held || !schedule.held || !nodes.held || !nodeGroups.held || !pins.held || !marks.inEffect) {
    const waits = ['server.yml', 'schedule.yml', 'nodes.yml', 'nodegroups.yml', 'pins', 'tagstate'];
    const waitingFor = [...files.map((file) => file.held), marks.inEffect].flatMap((held, index) =>
      held === undefined ? [waits[index] ?? ''] : [],
    );
    return { kind: 'starting', killswitch, waitingFor };
  }
  const controls: Controls = {
    settings: settings.held.meaning,
    schedule: schedule.held.meaning,
    environments,
    nodes: nodes.held.meaning,
    nodeGroups: nodeGroups.held.meaning,
    pins: pins.held.meaning,
    marks: marks.inEffect,
    markLines: marks.lines,
    killswitch,
    problems: [...files.flatMap((file) => file.problems), ...marks.problems, ...stop.problems],
  };
  return { kind: 'ready', controls };
}

const NO_ENVIRONMENTS: ReadonlySet<Environment> = new Set();
const environmentSets = new WeakMap<Schedule, ReadonlySet<Environment>>();

/** The same set object for the same schedule, so that an unchanged look can be recognised. */
function environmentsFor(schedule: Settled<Schedule>): ReadonlySet<Environment> {
  if (schedule.held === undefined) return NO_ENVIRONMENTS;
  const known = environmentSets.get(schedule.held.meaning) ?? environmentsOf(schedule.held.meaning);
  environmentSets.set(schedule.held.meaning, known);
  return known;
}
