import type { ShownStatus } from '../../../protocol/api/status.ts';
import type { Stop } from '../../../protocol/api/train.ts';

/** A killswitch, as far as it is known: at first only that it was pulled. */
export interface ShownStop {
  /** Null = the global one. */
  readonly environment: string | null;
  readonly message: string;
  readonly version: string;
  readonly progress: Progress | null;
  readonly since: string | null;
  readonly by: string | null;
}

export interface Progress {
  readonly nodes: number;
  readonly told: number;
  readonly slowestSeconds: number | null;
  readonly silent: readonly string[];
}

/** What was pulled or released here, until the server's own list says so. */
export interface Change {
  readonly environment: string | null;
  /** Null: released. */
  readonly stop: ShownStop | null;
  /** Milliseconds since 1970. */
  readonly at: number;
}

type Listed = ShownStatus['killswitch'][number];

/** The killswitches that stand: those of the status, as of an instant, with all that the map knows of them, and what was done here since. */
export function stopsNow(
  listed: readonly Listed[],
  known: readonly Stop[],
  { asOf, changes }: { readonly asOf: number; readonly changes: readonly Change[] },
): ShownStop[] {
  const later = changes.filter(({ at }) => at > asOf);
  const kept = listed.filter((one) => later.every(({ environment }) => environment !== one.environment));
  const stops = kept.map((one) =>
    shown(
      one,
      known.find((stop) => stop.environment === one.environment),
    ),
  );
  const pulled = later.flatMap(({ stop }) => (stop === null ? [] : [stop]));
  return [...stops, ...pulled].sort((one, other) => (one.environment ?? '').localeCompare(other.environment ?? ''));
}

function shown(listed: Listed, known: Stop | undefined): ShownStop {
  const { environment, message, version, told, silent, silentCount } = listed;
  return {
    environment,
    message,
    version,
    since: known?.since ?? null,
    by: known?.by ?? null,
    progress: { nodes: told + silentCount, told, silent, slowestSeconds: known?.slowestSeconds ?? null },
  };
}

/** `412 of 430 told, slowest 38 s` */
export function progressWords({ nodes, told, slowestSeconds }: Progress): string {
  const slowest = slowestSeconds === null ? '' : `, slowest ${Math.round(slowestSeconds)} s`;
  return `${told.toLocaleString('en')} of ${nodes.toLocaleString('en')} told${told === 0 ? '' : slowest}`;
}

/** How a killswitch is named in the query of a place: `all`, or the environment. */
export function keyOf(environment: string | null): string {
  return environment ?? 'all';
}

/** Where a path of the API is about one. */
export function pathOf(environment: string | null): string {
  return environment === null ? 'v1/killswitch' : `v1/killswitch/${encodeURIComponent(environment)}`;
}
