import {
  type Digest,
  type Hostname,
  parseDigest,
  parseHostname,
  parseTagName,
  type TagName,
} from '../../protocol/names.ts';
import { badDigest, badHostname, badTag } from './failures.ts';
import type { FailureReply } from './reply.ts';

/** What a part of a path may be. */
interface Parameter<Value> {
  readonly description: string;
  readonly pattern?: string;
  readonly example: string;
  parse(text: string): Value | undefined;
  /** What is answered to anything else. */
  refuse(text: string): FailureReply;
}

/** A text that the route itself makes something of. */
const anything = { parse: (text: string): string => text, refuse: badHostname };

/** The parts of paths, by name. */
export const PARAMETERS = {
  hostname: {
    description:
      'The fully qualified name of a host, at most 253 characters. Upper case and a trailing dot are accepted.',
    pattern: '^[A-Za-z0-9.-]{1,254}$',
    example: 'web1.example.com',
    parse: parseHostname,
    refuse: badHostname,
  } satisfies Parameter<Hostname>,
  tag: {
    description: 'A tag: `etchautotag-YYYYMMDD-HH00`, UTC.',
    pattern: '^etchautotag-[0-9]{8}-[0-9]{2}00$',
    example: 'etchautotag-20261120-0800',
    parse: parseTagName,
    refuse: badTag,
  } satisfies Parameter<TagName>,
  digest: {
    description: 'The digest of a view.',
    pattern: '^sha256:[0-9a-f]{64}$',
    example: `sha256:${'0123456789abcdef'.repeat(4)}`,
    parse: parseDigest,
    refuse: badDigest,
  } satisfies Parameter<Digest>,
  environment: {
    ...anything,
    description: 'An environment of the schedule; where a file is shown or removed, its name in `killswitch.d`.',
    example: 'production',
  } satisfies Parameter<string>,
  id: {
    ...anything,
    description:
      'The id of a token: 16 hex digits. Where tokens are revoked, also the name of a host, for all that it has.',
    example: '0123456789abcdef',
  } satisfies Parameter<string>,
  name: {
    ...anything,
    description: 'The name of a part of the page, as the page has it.',
    example: 'main-0A1B2C3D.js',
  } satisfies Parameter<string>,
} as const;
export type ParameterName = keyof typeof PARAMETERS;

type NameIn<Path> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | NameIn<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

/** The parts of a path in their narrow types. */
export type PathOf<Path extends string> = {
  readonly [Name in NameIn<Path>]: Name extends ParameterName
    ? NonNullable<ReturnType<(typeof PARAMETERS)[Name]['parse']>>
    : never;
};

/** The names of the parts of a path, in order. */
export function namesIn(path: string): ParameterName[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => {
    if (isKnown(name)) return name;
    throw new Error(`${path} has a part that is not described: ${name}`);
  });
}

function isKnown(name: string): name is ParameterName {
  return Object.hasOwn(PARAMETERS, name);
}
