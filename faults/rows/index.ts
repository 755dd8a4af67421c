import type { Fault, WaitingRow } from '../fault.ts';
import { blocked } from './blocked.ts';
import { byConnection } from './by-connection.ts';
import { certificates } from './certificates.ts';
import { churn } from './churn.ts';
import { clockRates } from './clock-rates.ts';
import { clocks } from './clocks.ts';
import { crowds } from './crowds.ts';
import { cutOff } from './cut-off.ts';
import { deaf } from './deaf.ts';
import { demoted } from './demoted.ts';
import { ended } from './ended.ts';
import { failovers } from './failovers.ts';
import { forged } from './forged.ts';
import { garbage } from './garbage.ts';
import { halfOpen } from './half-open.ts';
import { handedOver } from './handed-over.ts';
import { hostile } from './hostile.ts';
import { killed } from './killed.ts';
import { lateCommands } from './late-commands.ts';
import { listeners } from './listeners.ts';
import { lostData } from './lost-data.ts';
import { memoryLimit } from './memory-limit.ts';
import { paused } from './paused.ts';
import { redisDown } from './redis-down.ts';
import { refused } from './refused.ts';
import { repeatedCommands } from './repeated-commands.ts';
import { reset } from './reset.ts';
import { slowNetwork } from './slow-network.ts';
import { slots } from './slots.ts';
import { slowSubscriber } from './slow-subscriber.ts';
import { splits } from './splits.ts';

/** Every fault, in the order of the table. */
export const faults: Fault[] = [
  ...killed,
  ...paused,
  ...blocked,
  ...handedOver,
  ...ended,
  ...listeners,
  ...reset,
  ...halfOpen,
  ...cutOff,
  ...deaf,
  ...slowNetwork,
  ...repeatedCommands,
  ...redisDown,
  ...failovers,
  ...splits,
  ...demoted,
  ...slots,
  ...lostData,
  ...memoryLimit,
  ...refused,
  ...slowSubscriber,
  ...clocks,
  ...clockRates,
  ...garbage,
  ...forged,
  ...hostile,
  ...crowds,
  ...certificates,
  ...churn,
  ...lateCommands,
  ...byConnection,
].sort((a, b) => a.row - b.row);

/** The rows that cannot be run yet. They are named, and never counted as passed. */
export const waitingRows: WaitingRow[] = [];
