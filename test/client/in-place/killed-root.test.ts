import { testKilledRuns } from './killed-runs.ts';

testKilledRuns('root');
