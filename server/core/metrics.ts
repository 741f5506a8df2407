/** A series as Prometheus knows it, or several that differ in their labels. */
export interface MetricShape {
  readonly type: 'gauge' | 'counter' | 'histogram';
  /** One sentence, in Prometheus's way without a full stop. */
  readonly help: string;
  /** All of them have few values: of the schedule, the settings and the code, never of hosts, tags or people. */
  readonly labels: readonly string[];
  /** Of a histogram, in seconds. */
  readonly buckets?: readonly number[];
}

/** Of requests: polls take a fraction of a millisecond, waiting ones a minute. */
const REQUEST_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];
const WORK_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Every series that `GET /metrics` may show. A larger fleet makes no more of them. */
export const METRICS = {
  tagwave_build_info: { type: 'gauge', labels: ['version'], help: 'Always 1, with the version of the server' },
  tagwave_ready: {
    type: 'gauge',
    labels: [],
    help: 'Whether the control files are in effect, so that nodes are answered',
  },
  tagwave_doors: {
    type: 'gauge',
    labels: [],
    help: 'Processes that answer hosts beside this one (0 with one worker)',
  },
  tagwave_nodes: {
    type: 'gauge',
    labels: ['wave', 'environment', 'outcome'],
    help: 'Known nodes by what they were told last: serve, hold, killswitch, nothing',
  },
  tagwave_nodes_reported: {
    type: 'gauge',
    labels: ['wave', 'environment', 'outcome'],
    help: 'Known nodes by the outcome of their last report; those that never reported are not counted',
  },
  tagwave_nodes_silent: {
    type: 'gauge',
    labels: ['wave', 'environment'],
    help: 'Known nodes that have not asked for fleet.silent_after_minutes',
  },
  tagwave_nodes_behind: {
    type: 'gauge',
    labels: ['wave', 'environment'],
    help: 'Nodes that are not silent and said that they run other content than they were told',
  },
  tagwave_wave_lag_seconds: {
    type: 'gauge',
    labels: ['wave', 'environment'],
    help: 'How far a wave lags behind the newest tag, as the schedule says',
  },
  tagwave_wave_held: {
    type: 'gauge',
    labels: ['wave', 'environment'],
    help: 'Whether the schedule finds nothing acceptable for a wave, so that its nodes keep what they have',
  },
  tagwave_killswitch: {
    type: 'gauge',
    labels: ['environment'],
    help: 'Whether a killswitch stands; environment="*" is the one for all',
  },
  tagwave_killswitch_nodes: {
    type: 'gauge',
    labels: ['environment', 'state'],
    help: 'Nodes that a standing killswitch concerns: told, or untold as yet',
  },
  tagwave_tags: { type: 'gauge', labels: [], help: 'Tags that are kept' },
  tagwave_newest_tag_age_seconds: {
    type: 'gauge',
    labels: [],
    help: 'How long ago the hour of the newest tag began; absent where there is no tag',
  },
  tagwave_newest_tag_late: {
    type: 'gauge',
    labels: [],
    help: 'Whether the newest tag was made more than ten minutes late',
  },
  tagwave_newest_tag_stale: {
    type: 'gauge',
    labels: [],
    help: 'Whether the newest tag was made without a fetch that succeeded',
  },
  tagwave_newest_tag_broken: {
    type: 'gauge',
    labels: [],
    help: 'Whether the newest tag cannot be served',
  },
  tagwave_problems: {
    type: 'gauge',
    labels: ['severity', 'source'],
    help: 'Problems that stand, by what they are about',
  },
  tagwave_polls_total: {
    type: 'counter',
    labels: ['outcome'],
    help: 'Decisions that nodes were told, whichever process answered: serve, hold, killswitch',
  },
  tagwave_reports_total: {
    type: 'counter',
    labels: ['wave', 'outcome'],
    help: 'Reports of nodes, each run once',
  },
  tagwave_tags_made_total: {
    type: 'counter',
    labels: ['origin', 'stale'],
    help: 'Tags made by this process: cron, late, manual, backfill',
  },
  tagwave_http_request_duration_seconds: {
    type: 'histogram',
    labels: ['route', 'status'],
    buckets: REQUEST_BUCKETS,
    help: 'Answers by the pattern of their route and the class of their status; polls to which nothing is new are only in tagwave_polls_total',
  },
  tagwave_fetch_duration_seconds: {
    type: 'histogram',
    labels: ['result'],
    buckets: WORK_BUCKETS,
    help: 'Fetches from the repository: ok, failed',
  },
  tagwave_tag_duration_seconds: {
    type: 'histogram',
    labels: ['result'],
    buckets: WORK_BUCKETS,
    help: 'How long it took to make a tag: ok, failed',
  },
  tagwave_notifications_queued: {
    type: 'gauge',
    labels: ['target'],
    help: 'Notifications that wait to be delivered',
  },
  tagwave_notifications_total: {
    type: 'counter',
    labels: ['target', 'result'],
    help: 'Attempts to deliver a notification: delivered, failed; and dropped without one that succeeded',
  },
  process_start_time_seconds: { type: 'gauge', labels: [], help: 'When this process began, in seconds since 1970' },
  process_cpu_seconds_total: { type: 'counter', labels: [], help: 'Processor time that this process has used' },
  process_resident_memory_bytes: { type: 'gauge', labels: [], help: 'Memory that this process has in use' },
} as const satisfies Readonly<Record<string, MetricShape>>;

export type MetricName = keyof typeof METRICS;

type LabelsOf<Name extends MetricName> = Readonly<Record<(typeof METRICS)[Name]['labels'][number], string>>;

/** What is the case now. */
export type Reading = {
  [Name in MetricName]: { readonly metric: Name; readonly labels: LabelsOf<Name>; readonly value: number };
}[MetricName];
