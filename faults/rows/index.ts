import type { Fault, WaitingRow } from '../fault.ts';
import { killed } from './killed.ts';
import { handedOver } from './handed-over.ts';
import { paused } from './paused.ts';

/** Every fault, in the order of the table. */
export const faults: Fault[] = [...killed, ...paused, ...handedOver].sort((a, b) => a.row - b.row);

/** The rows that cannot be run yet. They are named, and never counted as passed. */
export const waitingRows: WaitingRow[] = [
  {
    row: 14,
    title: 'Sentinel failover; replica promoted with lost writes',
    waitsFor: 'Sentinel and Cluster support',
  },
  {
    row: 15,
    title: 'READONLY (demoted master); Cluster resharding and failover',
    waitsFor: 'Sentinel and Cluster support',
  },
];
