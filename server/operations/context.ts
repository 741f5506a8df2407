import type { Clock, Log } from '../ports/common.ts';
import type { ClientBuild, PageBuild, Views } from '../ports/content.ts';
import type { Credentials } from '../ports/credentials.ts';
import type { ControlFileEditor, ControlFiles, StateFiles } from '../ports/files.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { Courier, Outbox } from '../ports/notify.ts';
import type { IdentityProvider } from '../ports/people.ts';
import type { Programs } from '../ports/programs.ts';
import type { Repository } from '../ports/repository.ts';
import type { Store } from '../ports/store.ts';
import type { TlsFiles } from '../ports/tls.ts';
import type { Changes } from './changes.ts';
import type { Desk } from './desk.ts';
import type { Experience } from './experience.ts';
import type { FailureSpikes } from './failure-spikes.ts';
import type { Fleet } from './fleet.ts';
import type { Halts } from './halt.ts';
import type { Journal } from './journal.ts';
import type { Live } from './live.ts';
import type { LoginAttempts } from './login-attempts.ts';
import type { Problems } from './problems.ts';
import type { Refusals } from './refusals.ts';
import type { ShelfKeeper } from './shelf.ts';
import type { Sizes } from './sizes.ts';
import type { Standing } from './standing.ts';
import type { Timekeeper } from './timekeeper.ts';
import type { WaveArrivals } from './wave-arrivals.ts';
import type { Locator } from './whereabouts.ts';

/** What the operations work with: the ports, and what is kept in memory between requests. Made by compose. */
export interface Context {
  readonly base: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly files: ControlFiles;
  readonly editor: ControlFileEditor;
  readonly state: StateFiles;
  readonly repository: Repository;
  readonly views: Views;
  readonly store: Store;
  /** Null: TLS is not spoken, or not by this process. */
  readonly tlsFiles: TlsFiles | null;
  readonly credentials: Credentials;
  readonly identity: IdentityProvider;
  /** So many random bytes, fit for secrets. */
  random(bytes: number): Uint8Array;
  readonly programs: Programs;
  readonly clientBuild: ClientBuild;
  readonly pageBuild: PageBuild;
  readonly time: Timekeeper;
  readonly desk: Desk;
  readonly shelf: ShelfKeeper;
  readonly fleet: Fleet;
  readonly standing: Standing;
  readonly journal: Journal;
  readonly problems: Problems;
  readonly refusals: Refusals;
  readonly loginAttempts: LoginAttempts;
  readonly halts: Halts;
  readonly experience: Experience;
  readonly changes: Changes;
  readonly live: Live;
  readonly locator: Locator;
  readonly sizes: Sizes;
  readonly metrics: Metrics;
  readonly outbox: Outbox;
  readonly courier: Courier;
  readonly failureSpikes: FailureSpikes;
  readonly waveArrivals: WaveArrivals;
}

/** Who does something, and from where. */
export interface Actor {
  /** `alice`, `bob as root`, the name of a token or a session, a hostname, `server`. */
  readonly by: string;
  /** An address, `command line`, `admin socket`; null for the server itself. */
  readonly from: string | null;
}

export const THE_SERVER: Actor = { by: 'server', from: null };
