import * as z from 'zod';
import { isKnownEnvironment, type KillswitchShown, kill, killswitches, resume } from '../../operations/kill.ts';
import { knownEnvironments } from '../../operations/mark.ts';
import { worldNow } from '../../operations/world.ts';
import { actorOf } from '../actor.ts';
import { badEnvironment, starting, unavailable } from '../failures.ts';
import { parameter, readBody, readQuery } from '../read.ts';
import { type FailureReply, failure, json, type Reply } from '../reply.ts';
import type { Call, Route } from '../route.ts';
import { reason } from '../shapes.ts';

const GLOBAL = '/v1/killswitch';
const ONE = '/v1/killswitch/:environment';

/** As much as is read of the file. */
const MESSAGE_LIMIT_BYTES = 64 * 1024;
const body = z.strictObject({
  message: z
    .string()
    .refine((text) => Buffer.byteLength(text) < MESSAGE_LIMIT_BYTES, 'expected less than 64 KiB')
    .optional(),
});
const query = z.object({ version: z.string().optional(), reason: reason.optional() });

/** Every killswitch file that exists, also one whose name is no environment. */
export const getKillswitchesRoute: Route = {
  method: 'GET',
  path: GLOBAL,
  access: 'read',
  handle({ door }) {
    const all = killswitches(door.context);
    const global = all.find(({ environment }) => environment === null);
    const environments = all.filter(({ environment }) => environment !== null);
    const on = { global: global === undefined ? null : shown(global), environments: environments.map(shown) };
    return { ...json(on), ...(global === undefined ? {} : { headers: { ETag: `"${global.version}"` } }) };
  },
};

export const getKillswitchRoute: Route = {
  method: 'GET',
  path: ONE,
  access: 'read',
  handle({ door, request }) {
    const environment = parameter(request, 'environment');
    const found = find(door.context, environment);
    return found === undefined ? none(environment) : { ...json(shown(found)), headers: { ETag: `"${found.version}"` } };
  },
};

export const putKillswitchRoute: Route = {
  method: 'PUT',
  path: GLOBAL,
  access: 'change',
  handle: (call) => raise(call, null),
};

export const putEnvironmentKillswitchRoute: Route = {
  method: 'PUT',
  path: ONE,
  access: 'change',
  handle(call) {
    const { context } = call.door;
    const environment = parameter(call.request, 'environment');
    if (isKnownEnvironment(context, environment)) return raise(call, environment);
    // A file of any other name would stop everybody, which is not what was asked for.
    const ready = worldNow(context);
    return ready.kind === 'not-ready' ? starting(ready) : badEnvironment(environment, knownEnvironments(context));
  },
};

export const deleteKillswitchRoute: Route = {
  method: 'DELETE',
  path: GLOBAL,
  access: 'change',
  handle: (call) => release(call, null),
};

export const deleteEnvironmentKillswitchRoute: Route = {
  method: 'DELETE',
  path: ONE,
  access: 'change',
  handle: (call) => release(call, parameter(call.request, 'environment')),
};

async function raise(call: Call, environment: string | null): Promise<Reply> {
  const { context } = call.door;
  const wanted = await readBody(call, body);
  if (!wanted.ok) return wanted.reply;
  const { message = '' } = wanted.value;
  const killed = await kill(context, { environment, message, actor: actorOf(call) });
  if (!killed.ok) return unavailable(killed);
  context.changes.announce();
  const found = find(context, environment);
  return json(found === undefined ? { environment, message } : shown(found));
}

async function release(call: Call, environment: string | null): Promise<Reply> {
  const { request } = call;
  const { context } = call.door;
  const asked = readQuery(request, query);
  if (!asked.ok) return asked.reply;
  const version = versionOf(request, asked.value.version);
  if (typeof version !== 'string') return version;
  const before = find(context, environment);
  if (before === undefined) return none(environment);
  const why = asked.value.reason === undefined ? {} : { reason: asked.value.reason };
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
