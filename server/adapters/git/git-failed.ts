/** Git ended with an error; the message has the command, how it ended, and both outputs. */
export class GitFailed extends Error {
  override readonly name = 'GitFailed';
  readonly stderr: string;
  /** It was stopped because it took too long. */
  readonly isLate: boolean;

  constructor(failure: {
    readonly args: readonly string[];
    readonly end: string;
    readonly stdout: string;
    readonly stderr: string;
    readonly isLate?: boolean;
  }) {
    const outputs = [failure.stderr.trim(), failure.stdout.trim().slice(0, 500)].filter((text) => text !== '');
    super([`git ${failure.args.join(' ')}: ${failure.end}`, ...outputs].join('\n'));
    this.stderr = failure.stderr;
    this.isLate = failure.isLate ?? false;
  }
}
