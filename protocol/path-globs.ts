import picomatch from 'picomatch';

/**
 * A test for paths of a view: `*` and `?` stay within a segment, `**` goes across, `{a,b}` is either, and names that begin
 * with a dot are like any other. Undefined for a pattern that is empty, absolute, or has `..`.
 */
export function pathGlob(pattern: string): ((path: string) => boolean) | undefined {
  if (pattern === '' || pattern.length > 500 || pattern.startsWith('/') || pattern.split('/').includes('..'))
    return undefined;
  const matches = picomatch(pattern, { dot: true, nonegate: true, noextglob: true });
  // Its second argument asks for details, which are truthy: whoever hands this to `some` must not give it an index.
  return (path) => matches(path);
}
