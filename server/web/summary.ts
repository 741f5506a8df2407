import type { ShownStatus } from '../../protocol/api/status.ts';
import type { Data } from './data.ts';
import { useData } from './data.ts';

/** What is around every page needs: waves, problems, killswitches. Asked for once, however many use it. */
export function useStatus(): Data<ShownStatus> {
  return useData<ShownStatus>('v1/status', ['map', 'problems', 'killswitch', 'settings']);
}
