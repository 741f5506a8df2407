import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { REPORT_OUTCOMES } from '../../protocol/assignment.ts';
import { METRICS, type MetricName, type MetricShape, type Reading } from '../core/metrics.ts';
import type { Metrics } from '../ports/metrics.ts';

/** Counts in a registry of its own: nothing else that uses the library in this process is shown. */
export function openMetrics(): Metrics {
  const lasting = new Registry();
  const counted = {
    reports: counter('tagwave_reports_total', lasting),
    tags: counter('tagwave_tags_made_total', lasting),
    notifications: counter('tagwave_notifications_total', lasting),
  };
  const doors = new Gauge(shapeOf('tagwave_doors', lasting));
  const timed = {
    requests: histogram('tagwave_http_request_duration_seconds', lasting),
    fetches: histogram('tagwave_fetch_duration_seconds', lasting),
    tags: histogram('tagwave_tag_duration_seconds', lasting),
  };
  return {
    request({ route, status, milliseconds }) {
      timed.requests.observe({ route: route ?? 'none', status: classOf(status) }, milliseconds / 1000);
    },
    fetched: (result, milliseconds) => timed.fetches.observe({ result }, milliseconds / 1000),
    tagged: (result, milliseconds) => timed.tags.observe({ result }, milliseconds / 1000),
    tagMade: ({ origin, stale }) => counted.tags.inc({ origin, stale: String(stale) }),
    reported: (wave, outcome) => counted.reports.inc({ wave, outcome }),
    expectReports(waves) {
      for (const wave of waves) for (const outcome of REPORT_OUTCOMES) counted.reports.inc({ wave, outcome }, 0);
    },
    doors: (count) => doors.set(count),
    notified: (target, result) => counted.notifications.inc({ target, result }),
    async exposition(now) {
      const present = readingsIn(now);
      // One after the other: each ends with a line end of its own.
      return { type: lasting.contentType, text: `${await present.metrics()}${await lasting.metrics()}` };
    },
  };
}

/** Made for one answer, so that what is gone is gone, and two that are asked for at once do not disturb each other. */
function readingsIn(now: readonly Reading[]): Registry {
  const registry = new Registry();
  const known = new Map<MetricName, (labels: Reading['labels'], value: number) => void>();
  for (const { metric, labels, value } of now) {
    const write = known.get(metric) ?? writerOf(metric, registry);
    known.set(metric, write);
    write(labels, value);
  }
  return registry;
}

function writerOf(name: MetricName, registry: Registry): (labels: Reading['labels'], value: number) => void {
  if (METRICS[name].type === 'counter') {
    const made = counter(name, registry);
    return (labels, value) => made.inc(labels, value);
  }
  const made = new Gauge(shapeOf(name, registry));
  return (labels, value) => made.set(labels, value);
}

function counter(name: MetricName, registry: Registry): Counter {
  return new Counter(shapeOf(name, registry));
}

function histogram(name: MetricName, registry: Registry): Histogram {
  const { buckets = [] }: MetricShape = METRICS[name];
  return new Histogram({ ...shapeOf(name, registry), buckets: [...buckets] });
}

function shapeOf(name: MetricName, registry: Registry) {
  const { help, labels } = METRICS[name];
  return { name, help, labelNames: [...labels], registers: [registry] };
}

function classOf(status: number | null): string {
  return status === null ? 'none' : `${Math.floor(status / 100)}xx`;
}
