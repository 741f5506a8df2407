import type { EventKind, StoredEvent } from './event.ts';
import { type KillswitchLook, lookFromText } from './killswitch.ts';
import { withoutSecrets } from './masking.ts';
import type { Problem } from './problem.ts';
import { oneLine } from './wording.ts';

/** The kinds of events that somebody may want to be told of. */
export const NOTIFICATION_KINDS = [
  'mark',
  'kill',
  'resume',
  'failure-spike',
  'problem-raised',
  'problem-cleared',
  'wave-arrived',
] as const satisfies readonly EventKind[];
export type NotificationKind = (typeof NOTIFICATION_KINDS)[number];

/** What is sent, as JSON in this order. */
export interface Notification {
  /** Of the event; 0 of a message that only tries the way. */
  readonly id: number;
  readonly kind: NotificationKind | 'test';
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly by: string;
  /** One sentence. */
  readonly summary: string;
  /** A tag, a wave, `killswitch`, or the id of a problem. */
  readonly subject: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly why: string | null;
  /** Which it concerns; null: all, or none in particular. */
  readonly environments: readonly string[] | null;
  readonly wave: string | null;
  /** Of a problem; null also where it is not known any more. */
  readonly severity: Problem['severity'] | null;
  /** Where the page shows it; null where no `http.public_url` is set. */
  readonly url: string | null;
}

/** What has to be known beside the event. */
export interface Surroundings {
  /** The environment of each wave. */
  readonly waves: ReadonlyMap<string, string>;
  severityOf(problem: string): Problem['severity'] | null;
  /** Without a slash at the end. */
  readonly publicUrl: string | null;
}

/** What is told of an event; undefined where nobody is told. */
export function notificationOf(event: StoredEvent, around: Surroundings): Notification | undefined {
  const kind = NOTIFICATION_KINDS.find((one) => one === event.kind);
  if (kind === undefined) return undefined;
  const { id, at, by, why } = event;
  const { summary, subject, environments, wave = null, severity = null, page } = detailsOf(kind, event, around);
  return {
    id,
    kind,
    at: new Date(at).toISOString(),
    by: withoutSecrets(by),
    summary: clean(summary),
    subject,
    before: shown(event.before),
    after: shown(event.after),
    why: shown(why),
    environments,
    wave,
    severity,
    url: around.publicUrl === null ? null : `${around.publicUrl}/#/${page}`,
  };
}

/** That tries the way to a target. */
export function testNotification(at: number, by: string): Notification {
  const nothing = { before: null, after: null, why: null, environments: null, wave: null, severity: null, url: null };
  const summary = 'this is a test: notifications arrive here';
  return { id: 0, kind: 'test', at: new Date(at).toISOString(), by, summary, subject: 'notify', ...nothing };
}

interface Details extends Pick<Notification, 'summary' | 'subject' | 'environments'> {
  readonly wave?: string | null;
  readonly severity?: Notification['severity'];
  /** The state of the page, after its `#/`. */
  readonly page: string;
}

function detailsOf(kind: NotificationKind, event: StoredEvent, around: Surroundings): Details {
  const { summary, subject, after } = event;
  switch (kind) {
    case 'mark':
      return markDetails(event);
    case 'kill':
    case 'resume':
      return stopDetails(kind, event, new Set(around.waves.values()));
    case 'failure-spike': {
      const page = `tags/${encodeURIComponent(subject)}`;
      return { summary, subject, page, wave: after, environments: environmentOf(after, around) };
    }
    case 'wave-arrived': {
      const page = `nodes?wave=${encodeURIComponent(subject)}`;
      return { summary, subject, page, wave: subject, environments: environmentOf(subject, around) };
    }
    case 'problem-raised':
    case 'problem-cleared':
      return { summary, subject, page: 'problems', environments: null, severity: around.severityOf(subject) };
    default:
      return kind satisfies never;
  }
}

function environmentOf(wave: string | null, { waves }: Surroundings): readonly string[] | null {
  const environment = wave === null ? undefined : waves.get(wave);
  return environment === undefined ? null : [environment];
}

const MOST_LINES = 5;

/** `etchautotag-20261120-0900 bad: broke ntp`, and which environments the lines that differ speak of. */
function markDetails({ summary, subject, before, after }: StoredEvent): Details {
  const lines = { come: markLines(after), gone: markLines(before) };
  const come = lines.come.filter(({ text }) => !lines.gone.some((one) => one.text === text));
  const gone = lines.gone.filter(({ text }) => !lines.come.some((one) => one.text === text));
  const told = [
    ...come.map(({ tag, state, reason }) => `${tag} ${state}${reason === '' ? '' : `: ${reason}`}`),
    ...gone
      .filter(({ tag }) => !come.some((one) => one.tag === tag))
      .map(({ tag, state }) => `${tag} no longer ${state}`),
  ];
  const more = told.length > MOST_LINES ? [`and ${told.length - MOST_LINES} more`] : [];
  const tag = (come[0] ?? gone[0])?.tag;
  const named = [...come, ...gone].map(({ environments }) => environments);
  return {
    summary: told.length === 0 ? summary : oneLine([...told.slice(0, MOST_LINES), ...more].join('; ')),
    subject: tag ?? subject,
    environments: named.length === 0 || named.includes(null) ? null : [...new Set(named.flatMap((some) => some ?? []))],
    page: tag === undefined ? 'tags' : `tags/${encodeURIComponent(tag)}`,
  };
}

function markLines(text: string | null) {
  return (text ?? '').split('\n').flatMap((line) => {
    const [, tag, state = '', reason = ''] = /^\s*(?:tags\/)?([^\s#]\S*)\s+(\S+)\s*#?\s*(.*?)\s*$/.exec(line) ?? [];
    if (tag === undefined) return [];
    const [, environments] = state.split(':', 2);
    return [{ text: line.trim(), tag, state, reason, environments: environments?.split(',') ?? null }];
  });
}

/** A name that is no environment stops all, as one does that has no name. */
function stopDetails(
  kind: 'kill' | 'resume',
  { summary, subject, before, after }: StoredEvent,
  known: ReadonlySet<string>,
): Details {
  const page = '';
  const [old, now] = [lookOf(before), lookOf(after)];
  if (old === undefined || now === undefined) return { summary, subject, environments: null, page };
  const from = kind === 'kill' ? now : old;
  const names = [...from.environments.keys()].filter(
    (name) => old.environments.get(name) !== now.environments.get(name),
  );
  const isAll = (old.global ?? old.doubt) !== (now.global ?? now.doubt) || names.some((name) => !known.has(name));
  const what = isAll || names.length === 0 ? 'everything' : names.join(', ');
  const message = oneLine((isAll ? from.global : null) ?? from.environments.get(names[0] ?? '') ?? '');
  const said = message === '' ? '' : `: ${message}`;
  return {
    summary: kind === 'kill' ? `killswitch: ${what} is stopped${said}` : `killswitch: ${what} goes on`,
    subject,
    environments: isAll || names.length === 0 ? null : names,
    page,
  };
}

/** Undefined of a text that was cut off. */
function lookOf(text: string | null): KillswitchLook | undefined {
  if (text === null) return { global: null, doubt: null, environments: new Map() };
  try {
    return lookFromText(text);
  } catch {
    return undefined;
  }
}

const SHOWN_LIMIT = 2000;

function shown(text: string | null): string | null {
  return text === null ? null : clean(text);
}

/** One that is refused because it is too long would keep all that come after it waiting. */
function clean(text: string): string {
  const told = withoutSecrets(text);
  return told.length > SHOWN_LIMIT ? `${told.slice(0, SHOWN_LIMIT)}…` : told;
}

/** Who wants to be told what. */
export interface Wishes {
  readonly name: string;
  readonly kinds: readonly NotificationKind[];
  /** Null: all. */
  readonly environments: readonly string[] | null;
  readonly waves: readonly string[] | null;
  readonly minSeverity: Problem['severity'];
}

/** Problems of notifying itself, by the name of the target that has them. */
export function failingId(target: string): string {
  return `notify:failing:${target}`;
}

export function droppedId(target: string): string {
  return `notify:dropped:${target}`;
}

/**
 * Whether a target wants a notification. What speaks of no environment or wave in particular goes to all who want its kind; a
 * problem with reaching a target never goes to that target.
 */
export function wants(target: Wishes, notification: Notification): boolean {
  const { kind, environments, wave, severity, subject } = notification;
  if (kind === 'test') return true;
  if (!target.kinds.includes(kind)) return false;
  if (subject === failingId(target.name) || subject === droppedId(target.name)) return false;
  if (severity === 'warning' && target.minSeverity === 'error') return false;
  if (target.waves !== null && wave !== null && !target.waves.includes(wave)) return false;
  if (target.environments === null || environments === null) return true;
  return environments.some((environment) => target.environments?.includes(environment));
}

/** What Slack, and what understands the same, shows: `*mark* etchautotag-… bad (alice) …`. */
export function slackText({ kind, summary, by, why, url }: Notification): string {
  const because = why === null || why === '' ? '' : ` — ${escaped(oneLine(why))}`;
  const link = url === null ? '' : ` <${url.replaceAll(/[<>|]/g, encodeURIComponent)}|show>`;
  return `*${kind}* ${escaped(summary)} (${escaped(by)})${because}${link}`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

const FIRST_MS = 1_000;
const LONGEST_MS = 10 * 60_000;

/**
 * How long to wait after so many failures (1, 2, …), in milliseconds: twice as long each time, up to ten minutes, less a random
 * part of up to a half, so that not all come back at once. `random`: 0 to 1.
 */
export function pauseAfter(failures: number, random: number): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 30));
  return Math.round(whole * (1 - random / 2));
}
