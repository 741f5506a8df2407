/** As `POST /v1/preview` takes it. */
export interface Proposal {
  readonly marks?: readonly ProposedMark[];
  readonly pins?: readonly {
    readonly host: string;
    readonly pin: { readonly tag: string; readonly until?: string; readonly reason?: string } | null;
  }[];
  readonly killswitch?: readonly { readonly environment: string | null; readonly on: boolean }[];
}

export interface ProposedMark {
  readonly tag: string;
  readonly state: 'good' | 'bad' | 'badfwd' | 'none';
  readonly environments?: readonly string[];
}
