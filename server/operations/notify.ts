import type { Notification } from '../core/notification.ts';
import { droppedId, failingId, pauseAfter, slackText, testNotification } from '../core/notification.ts';
import type { Problem } from '../core/problem.ts';
import { oneLine } from '../core/wording.ts';
import type { Letter, Sent, TargetState } from '../ports/notify.ts';
import type { NotifySettings, NotifyTarget } from '../settings/settings.ts';
import type { Context } from './context.ts';
import type { Controls } from './desk.ts';
import { newDelivery, openReading, takeIn } from './notify-intake.ts';

/** Tells those who want to know. Runs beside everything else: nothing waits for it. */
export interface Notifying {
  /** Takes what happened since the last time, and begins what is due. Settles when that was begun. */
  look(): Promise<void>;
  /** Settles when nothing is on its way any more. What could not be delivered stays for the next start. */
  stop(): Promise<void>;
}

const LOOK_MS = 500;
const HOUR_MS = 3_600_000;
/** A server that is restarted is not there for a moment. */
const FAILS_AFTER = 3;
const STUCK_MS = 30_000;

export function startNotifying(context: Context): Notifying {
  const over = new AbortController();
  const underWay = new Map<string, Promise<void>>();
  const severities = openSeverities(context);
  const reading = openReading(context);
  /** Targets for which the outbox could not be kept up: nobody is sent the same over and over for that. */
  const stuck = new Map<string, { readonly until: number; readonly why: string }>();
  let looking: Promise<void> | undefined;

  const deliverDue = ({ settings: { notify } }: Controls): void => {
    for (const target of notify.targets) {
      const { name } = target;
      if (underWay.has(name) || context.clock.monotonic() < (stuck.get(name)?.until ?? 0)) continue;
      const done = deliver(context, { target, notify, signal: over.signal })
        .then(() => stuck.delete(name))
        .catch((error) => stuck.set(name, { until: context.clock.monotonic() + STUCK_MS, why: whyOf(error) }))
        .then(() => undefined)
        .finally(() => underWay.delete(name));
      underWay.set(name, done);
    }
  };

  const look = async (): Promise<void> => {
    const state = context.desk.last();
    if (over.signal.aborted || state.kind !== 'ready') return;
    severities.look();
    const { controls } = state;
    try {
      const { targets, keepHours } = controls.settings.notify;
      if (targets.length === 0) context.outbox.keepOnly([]);
      // What was taken before is delivered all the same.
      const untaken = await takeIn(context, controls, { severityOf: severities.of, reading }).catch(whyOf);
      const now = context.time.now();
      for (const target of context.outbox.expire(now - keepHours * HOUR_MS))
        context.metrics.notified(target, 'dropped');
      context.outbox.keepOnly(targets.map(({ name }) => name));
      deliverDue(controls);
      for (const name of stuck.keys()) if (targets.every((target) => target.name !== name)) stuck.delete(name);
      const why = untaken ?? [...stuck.values()][0]?.why;
      const problems = problemsOf(context.outbox.states(), controls);
      context.problems.set('notifications', why === undefined ? problems : [unkept(why), ...problems]);
    } catch (error) {
      context.problems.set('notifications', [unkept(whyOf(error))]);
    }
  };

  const lookOnce = (): Promise<void> => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const timer = setInterval(() => void lookOnce(), LOOK_MS);
  void lookOnce();
  return {
    look: lookOnce,
    async stop() {
      clearInterval(timer);
      over.abort();
      await looking;
      await Promise.all(underWay.values());
    },
  };
}

function whyOf(error: unknown): string {
  return oneLine(error instanceof Error ? error.message : String(error));
}

function unkept(why: string): Problem {
  const sentence = `notifications cannot be kept or looked up, so nobody is told of anything: ${why}`;
  const hint =
    'see that the server may write its state directory, and that there is room; it is tried again all the time';
  return { id: 'notify:queue', severity: 'error', sentence, hint };
}

/** An event says nothing of how bad a problem is: whoever saw it stand remembers. */
function openSeverities({ problems }: Context) {
  const known = new Map<string, Problem['severity']>();
  return {
    look(): void {
      for (const { id, severity } of problems.standing()) known.set(id, severity);
      if (known.size < 10_000) return;
      known.clear();
      for (const { id, severity } of problems.standing()) known.set(id, severity);
    },
    of: (id: string): Problem['severity'] | null => known.get(id) ?? null,
  };
}

interface Delivering {
  readonly target: NotifyTarget;
  readonly notify: NotifySettings;
  readonly signal: AbortSignal;
}

/** Sends what waits for one target, in order, until one cannot be delivered. */
async function deliver(context: Context, { target, notify, signal }: Delivering): Promise<void> {
  const { outbox, courier, time, metrics } = context;
  for (;;) {
    const letter = outbox.first(target.name);
    if (signal.aborted || letter === undefined || letter.nextAt > time.now()) return;
    const parcel = { ...parcelOf(context, target, letter), timeoutMs: notify.timeoutSeconds * 1000, signal };
    const sent = await courier.send(target, parcel);
    // Whether it arrived is not known: it is sent once more.
    if (signal.aborted && !sent.ok) return;
    metrics.notified(target.name, sent.ok ? 'delivered' : 'failed');
    if (sent.ok) outbox.delivered(letter, time.now());
    else postpone(context, letter, sent);
  }
}

function postpone(context: Context, letter: Letter, { sentence, retryAfterMs }: Extract<Sent, { ok: false }>): void {
  const failures = letter.failures + 1;
  const [byte = 0] = context.random(1);
  const pause = Math.max(pauseAfter(failures, byte / 255), retryAfterMs ?? 0);
  if (failures === 1) context.log.warn('a notification could not be delivered', { target: letter.target, sentence });
  context.outbox.failed(letter, { error: sentence, nextAt: context.time.now() + pause });
}

function parcelOf(context: Context, { format }: NotifyTarget, { delivery, text }: Pick<Letter, 'delivery' | 'text'>) {
  const notification: Notification = JSON.parse(text);
  const body = format === 'slack' ? JSON.stringify({ text: slackText(notification) }) : text;
  return { delivery, body, at: context.time.now() };
}

function problemsOf(states: readonly TargetState[], { settings, environments, schedule }: Controls): Problem[] {
  const waves = new Set(schedule.waves.map(({ name }) => name));
  const unknown = settings.notify.targets.flatMap(({ name, environments: wanted, waves: wantedWaves }) => [
    ...(wanted ?? [])
      .filter((one) => !environments.has(one as never))
      .map((one) => [name, 'environment', one] as const),
    ...(wantedWaves ?? []).filter((one) => !waves.has(one)).map((one) => [name, 'wave', one] as const),
  ]);
  return [...states.flatMap(stateProblems), ...unknown.map(unknownProblem)];
}

function unknownProblem([target, what, name]: readonly [string, string, string]): Problem {
  return {
    id: `notify:unknown-${what}:${target}:${name}`,
    severity: 'warning',
    sentence: `the notification target ${target} asks for the ${what} ${name}, which is not in the schedule`,
    hint: `correct notify.targets: nothing will ever be told of that ${what}`,
    file: 'server.yml',
  };
}

function stateProblems({ target, first, dropped }: TargetState): Problem[] {
  const hint = `"tagwave-server notify --test ${target}" tries at once; correct notify.targets in server.yml, or whatever is at the other end`;
  const problems: Problem[] = [];
  if (first !== null && first.failures >= FAILS_AFTER)
    problems.push({
      id: failingId(target),
      severity: 'warning',
      sentence: `notifications do not reach ${target} (${first.lastError ?? 'no reason is known'})`,
      hint,
    });
  if (dropped > 0)
    problems.push({
      id: droppedId(target),
      severity: 'error',
      sentence: `notifications for ${target} were dropped, because too many waited, or for too long`,
      hint: `${hint}; "tagwave-server events" has all that happened`,
    });
  return problems;
}

export interface TargetTold {
  readonly target: string;
  readonly ok: boolean;
  /** What was answered, or why nothing was. */
  readonly sentence: string;
}

/** Sends a message that only tries the way, at once and past the queue, and waits for the answers. */
export async function tryTargets(
  context: Context,
  { notify, only, by }: { readonly notify: NotifySettings; readonly only: string | null; readonly by: string },
): Promise<TargetTold[]> {
  const text = JSON.stringify(testNotification(context.time.now(), by));
  const targets = notify.targets.filter(({ name }) => only === null || name === only);
  return Promise.all(
    targets.map(async (target) => {
      const parcel = parcelOf(context, target, { delivery: newDelivery(context), text });
      const sent = await context.courier.send(target, { ...parcel, timeoutMs: notify.timeoutSeconds * 1000 });
      const sentence = sent.ok ? `it answered ${sent.status}` : sent.sentence;
      return { target: target.name, ok: sent.ok, sentence };
    }),
  );
}

/** How it stands with each target, also those for which nothing ever waited. */
export function targetStates({ outbox }: Context, { targets }: NotifySettings): TargetState[] {
  const states = new Map(outbox.states().map((state) => [state.target, state]));
  return targets.map(
    ({ name }) => states.get(name) ?? { target: name, queued: 0, first: null, deliveredAt: null, dropped: 0 },
  );
}
