import { testFullDisk } from './killed-runs.ts';

testFullDisk('releases');
testFullDisk('root');
