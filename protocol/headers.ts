/** The headers that polls and their answers carry. Apart from the schemas, as most polls of a host need nothing else. */
export const HEADERS = {
  outcome: 'Tagwave-Outcome',
  pollAfter: 'Tagwave-Poll-After',
  tag: 'Tagwave-Tag',
  digest: 'Tagwave-Digest',
  running: 'Tagwave-Running',
  /** The path below the server's URL that takes reports of this node. A client that may do without sends none where it is missing. */
  report: 'Tagwave-Report',
} as const;
