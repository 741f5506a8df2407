import { textTable as table } from '../server/cli/table.ts';
import { figureBy, figureOf, shown } from './figure.ts';
import { aim } from './report.ts';
import type { ReportFigures } from './reports.ts';

const ENOUGH_A_SECOND = 5000;

export function reportLines({ store, rounds, killed }: ReportFigures): string[] {
  const http = figureBy(rounds, ({ perSecond }) => perSecond);
  const intoStore = figureOf(store);
  return [
    '',
    'Reports, each written and synced before it is answered; a thousand hosts, 64 connections kept alive',
    `Median (min–max) of ${store.length} and ${rounds.length} rounds; who sends them takes its share of the same processors`,
    '',
    table(
      ['', 'reports a second', "the server's processor, 1,000 reports"],
      [
        [
          'over HTTP',
          shown(http),
          shown(
            figureBy(rounds, ({ cpuMs }) => cpuMs),
            ' ms',
          ),
        ],
        ['into the store alone', shown(intoStore), ''],
      ],
    ),
    '',
    aim('the store takes at least 5,000 reports a second', intoStore.median >= ENOUGH_A_SECOND, shown(intoStore)),
    aim('so does the server, over HTTP', http.median >= ENOUGH_A_SECOND, shown(http)),
    aim(
      'none is lost that was answered when the server was killed (SIGKILL)',
      killed.lost === 0,
      `${killed.lost} of ${killed.answered.toLocaleString('en-US')}`,
    ),
  ];
}
