import * as z from 'zod';

/** How a token of a person or a program is called in the history: no control characters, nothing that could be taken for markup. */
export const PERSON_NAME = 'a name of at most 64 letters, digits, spaces and . _ @ ( ) -';
const NAME = /^[\p{L}\p{N}_.@()-]([\p{L}\p{N}_.@ ()-]{0,62}[\p{L}\p{N}_.@()-])?$/u;

export function isPersonName(text: string): boolean {
  return NAME.test(text);
}

export const personName = z
  .string(PERSON_NAME)
  .regex(NAME, PERSON_NAME)
  .meta({ examples: ['alice'] });
