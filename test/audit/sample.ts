import type { EventKind, NewEvent } from '../../server/core/event.ts';

export const AT = Date.parse('2026-11-20T08:00Z');

export function event(number: number, kind: EventKind = 'mark'): NewEvent {
  return {
    at: AT + number * 1000,
    kind,
    by: 'alice',
    from: number % 2 === 0 ? 'command line' : '10.0.0.7',
    subject: 'tagstate',
    before: number % 3 === 0 ? null : `before ${number}`,
    after: `"after" ${number}\n\u2028\u0000ü`,
    why: number % 4 === 0 ? null : 'broke ntp',
    summary: `change ${number}`,
  };
}
