/** What decides what a node's view of a tree is. */
export interface NodeInputs {
  readonly hostname: string;
  readonly environment: string;
  /** In their order. */
  readonly groups: readonly string[];
  /** What the host said of itself last: never trusted further than `deploy.yml` says. */
  readonly facts: Readonly<Record<string, string>>;
}
