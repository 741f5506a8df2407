/**
 * The same as `after`, made of the parts of `before` wherever those are equal: who looks whether something is another value than
 * before then finds out what has changed. Both are as JSON has them.
 */
export function share<Value>(before: unknown, after: Value): Value {
  return shared(before, after) as Value;
}

function shared(before: unknown, after: unknown): unknown {
  if (Object.is(before, after)) return before;
  if (typeof before !== 'object' || typeof after !== 'object' || before === null || after === null) return after;
  if (Array.isArray(before) !== Array.isArray(after)) return after;
  const keys = Object.keys(after);
  const parts = keys.map((key) => [key, shared(own(before, key), own(after, key))] as const);
  const isSame =
    Object.keys(before).length === keys.length && parts.every(([key, part]) => Object.is(part, own(before, key)));
  if (isSame && keys.every((key) => Object.hasOwn(before, key))) return before;
  return Array.isArray(after) ? parts.map(([, part]) => part) : Object.fromEntries(parts);
}

function own(holder: object, key: string): unknown {
  return Object.hasOwn(holder, key) ? Reflect.get(holder, key) : undefined;
}
