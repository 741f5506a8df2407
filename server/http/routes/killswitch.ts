import * as z from 'zod';
import { killswitchesSchema, killswitchSchema, resumedSchema } from '../../../protocol/api/controls.ts';
import { isKnownEnvironment, type KillswitchShown, kill, killswitches, resume } from '../../operations/kill.ts';
import { knownEnvironments } from '../../operations/mark.ts';
import { worldNow } from '../../operations/world.ts';
import { actorOf } from '../actor.ts';
import { badEnvironment, starting, unavailable } from '../failures.ts';
import { type FailureReply, failure, json, type Reply } from '../reply.ts';
import { asJson, type Call, route } from '../route.ts';
import { reason } from '../shapes.ts';

const GLOBAL = '/v1/killswitch';
const ONE = '/v1/killswitch/:environment';

/** As much as is read of the file. */
const MESSAGE_LIMIT_BYTES = 64 * 1024;
const stop = z.strictObject({
  message: z
    .string()
    .refine((text) => Buffer.byteLength(text) < MESSAGE_LIMIT_BYTES, 'expected less than 64 KiB')
    .meta({
      description: 'Told to whoever asks: what happened, and whom to talk to.',
      examples: ['ntp is broken, see #ops'],
    })
    .optional(),
});
const shownVersion = z.object({
  version: z.string().meta({ description: 'Of the file that was seen, where `If-Match` does not say so.' }).optional(),
  reason: reason.optional(),
});

/** Every killswitch file that exists, also one whose name is no environment. */
export const getKillswitchesRoute = route({
  method: 'GET',
  path: GLOBAL,
  access: 'read',
  description: {
    group: 'Killswitch',
    summary: 'Every killswitch that is on',
    answers: { 200: { ...asJson(killswitchesSchema), headers: ['ETag?'] } },
  },
  handle({ door }) {
    const all = killswitches(door.context);
    const global = all.find(({ environment }) => environment === null);
    const environments = all.filter(({ environment }) => environment !== null);
    const on = { global: global === undefined ? null : shown(global), environments: environments.map(shown) };
    return { ...json(on), ...(global === undefined ? {} : { headers: { ETag: `"${global.version}"` } }) };
  },
});

export const getKillswitchRoute = route({
  method: 'GET',
  path: ONE,
  access: 'read',
  description: {
    group: 'Killswitch',
    summary: "One environment's killswitch",
    answers: { 200: { ...asJson(killswitchSchema), headers: ['ETag'] } },
    failures: ['not-found'],
  },
  handle({ door }, { path: { environment } }) {
    const found = find(door.context, environment);
    return found === undefined ? none(environment) : { ...json(shown(found)), headers: { ETag: `"${found.version}"` } };
  },
});

export const putKillswitchRoute = route({
  method: 'PUT',
  path: GLOBAL,
  access: 'change',
  description: {
    group: 'Killswitch',
    summary: 'Stops everything',
    details: 'Creates the `killswitch` file. Counts from the next request of each node on.',
    body: stop,
    answers: { 200: killswitchSchema },
  },
  handle: (call, { body }) => raise(call, null, body),
});

export const putEnvironmentKillswitchRoute = route({
  method: 'PUT',
  path: ONE,
  access: 'change',
  description: {
    group: 'Killswitch',
    summary: 'Stops one environment',
    details: 'Creates a file in `killswitch.d`. Counts from the next request of each node on.',
    body: stop,
    answers: { 200: killswitchSchema },
    failures: ['bad-environment'],
  },
  handle(call, { path: { environment }, body }) {
    const { context } = call.door;
    if (isKnownEnvironment(context, environment)) return raise(call, environment, body);
    // A file of any other name would stop everybody, which is not what was asked for.
    const ready = worldNow(context);
    return ready.kind === 'not-ready' ? starting(ready) : badEnvironment(environment, knownEnvironments(context));
  },
});

export const deleteKillswitchRoute = route({
  method: 'DELETE',
  path: GLOBAL,
  access: 'change',
  description: {
    group: 'Killswitch',
    summary: 'Resumes: removes the global killswitch that was seen',
    details: 'Refused where the file has changed since: somebody else may have stopped things for another reason.',
    query: shownVersion,
    headers: ['If-Match'],
    answers: { 200: resumedSchema },
    failures: ['not-found', 'conflict'],
  },
  handle: (call, { query }) => release(call, null, query),
});

export const deleteEnvironmentKillswitchRoute = route({
  method: 'DELETE',
  path: ONE,
  access: 'change',
  description: {
    group: 'Killswitch',
    summary: "Resumes: removes one environment's killswitch that was seen",
    query: shownVersion,
    headers: ['If-Match'],
    answers: { 200: resumedSchema },
    failures: ['not-found', 'conflict'],
  },
  handle: (call, { path: { environment }, query }) => release(call, environment, query),
});

async function raise(call: Call, environment: string | null, { message = '' }: z.output<typeof stop>): Promise<Reply> {
  const { context } = call.door;
  const killed = await kill(context, { environment, message, actor: actorOf(call) });
  if (!killed.ok) return unavailable(killed);
  context.changes.announce();
  const found = find(context, environment);
  return json(found === undefined ? { environment, message } : shown(found));
}

async function release(call: Call, environment: string | null, asked: z.output<typeof shownVersion>): Promise<Reply> {
  const { request } = call;
  const { context } = call.door;
  const version = versionOf(request, asked.version);
  if (typeof version !== 'string') return version;
  const before = find(context, environment);
  if (before === undefined) return none(environment);
  const why = asked.reason === undefined ? {} : { reason: asked.reason };
  const resumed = await resume(context, { environment, shown: version, actor: actorOf(call), ...why });
  if (resumed.ok) {
    context.changes.announce();
    return json({ environment, removed: true });
  }
  const now = find(context, environment);
  return now?.version === version ? unavailable(resumed) : failure('conflict', resumed.sentence, resumed.hint);
}

/** Who removes a killswitch names the version that they saw: somebody else may have stopped things for another reason since. */
function versionOf(request: Call['request'], named: string | undefined): string | FailureReply {
  const version = named ?? request.headers['if-match']?.trim().replace(/^"(.*)"$/, '$1');
  if (version !== undefined && version !== '' && version !== '*') return version;
  return failure(
    'bad-request',
    'the version of the killswitch that is to be removed is missing',
    'GET it, read its message, and name its version by If-Match or ?version=',
  );
}

/** By name among the files that exist, so that no other file can be named. */
function find(context: Call['door']['context'], environment: string | null): KillswitchShown | undefined {
  return killswitches(context).find((one) => one.environment === environment);
}

function shown({ environment, message, version }: KillswitchShown): KillswitchShown {
  return { environment, message, version };
}

function none(environment: string | null): FailureReply {
  return failure(
    'not-found',
    environment === null ? 'the killswitch is not on' : 'there is no such killswitch',
    'nothing needs to be done',
  );
}
