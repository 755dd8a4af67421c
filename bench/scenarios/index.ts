import type { Scenario } from '../scenario.ts';
import { coldStart } from './cold-start.ts';
import { crashTakeover } from './crash-takeover.ts';
import { handover } from './handover.ts';
import { idle } from './idle.ts';
import { joining } from './joining.ts';
import { kinds } from './kinds.ts';
import { latency } from './latency.ts';
import { loading } from './loading.ts';
import { memory } from './memory.ts';
import { messageCpu } from './message-cpu.ts';
import { redisRestart } from './redis-restart.ts';
import { throughput } from './throughput.ts';

/** In the order in which they are measured and shown. */
export const scenarios: Scenario[] = [
  loading,
  memory,
  coldStart,
  joining,
  handover,
  crashTakeover,
  redisRestart,
  idle,
  kinds,
  latency,
  throughput,
  messageCpu,
];
