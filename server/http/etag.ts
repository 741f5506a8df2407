/** Whether an `If-None-Match` (or `If-Match`) names an entity tag; compared weakly, as RFC 9110 asks of `If-None-Match`. */
export function namesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header === etag || header === '*') return true;
  return header.split(',').some((part) => part.trim().replace(/^W\//, '') === etag);
}
