import * as z from 'zod';
import { previewSchema } from '../../../protocol/api/changes.ts';
import { parseHostPattern, patternText } from '../../core/globs.ts';
import { MARK_STATES } from '../../core/marks.ts';
import { knownEnvironments } from '../../operations/mark.ts';
import { preview } from '../../operations/preview.ts';
import { worldNow } from '../../operations/world.ts';
import { badEnvironment, starting } from '../failures.ts';
import { failure, json } from '../reply.ts';
import { route } from '../route.ts';
import { environments, newPin, parsed, pin, tagName } from '../shapes.ts';

const host = parsed('a host name or a pattern of host names', (text) => {
  const pattern = parseHostPattern(text);
  return pattern && patternText(pattern);
});
const MOST = 1000;
const body = z.strictObject({
  marks: z
    .array(
      z.strictObject({ tag: tagName, state: z.enum([...MARK_STATES, 'none']), environments: environments.optional() }),
    )
    .max(MOST)
    .default([]),
  pins: z
    .array(z.strictObject({ host, pin: pin.nullable() }))
    .max(MOST)
    .default([]),
  killswitch: z
    .array(z.strictObject({ environment: z.string().nullable(), on: z.boolean() }))
    .max(MOST)
    .default([]),
});

/** What proposed changes would move, before they are made. */
export const previewRoute = route({
  method: 'POST',
  path: '/v1/preview',
  access: 'read',
  description: {
    group: 'Forecast',
    summary: 'What proposed marks, pins or a killswitch would move, before they are made',
    body,
    answers: { 200: previewSchema },
    failures: ['bad-environment'],
  },
  async handle({ door: { context } }, { body: { marks, pins, killswitch } }) {
    const ready = worldNow(context);
    if (ready.kind === 'not-ready') return starting(ready);
    const known = knownEnvironments(context);
    const named = [
      ...marks.flatMap((one) => one.environments ?? []),
      ...killswitch.flatMap((one) => one.environment ?? []),
    ];
    const stranger = named.find((name) => !known.has(name));
    if (stranger !== undefined) return badEnvironment(stranger, known);
    const newPins = pins.map((one) => ({ host: one.host, pin: one.pin && newPin(one.pin) }));
    const effect = await preview(context, { marks, pins: newPins, killswitch });
    return effect.ok ? json(effect.value) : failure('bad-request', effect.sentence, effect.hint);
  },
});
