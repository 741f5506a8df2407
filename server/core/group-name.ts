import * as z from 'zod';

const GROUP = 'the name of a group: up to 100 characters without spaces and slashes, no dot first';

/** Fit for a line of a nodegrouper's answer and for a path. */
export function isGroupName(text: string): boolean {
  return text.length <= 100 && /^[^\s/\p{C}.][^\s/\p{C}]*$/u.test(text);
}

export const groupName = z.string(GROUP).refine(isGroupName, GROUP);
