import type { Part } from './part.ts';
import { disconnect } from './parts/disconnect.ts';
import { growth } from './parts/growth.ts';
import { latency } from './parts/latency.ts';
import { lifecycle } from './parts/lifecycle.ts';
import { lockedHead } from './parts/locked-head.ts';
import { manyUsers } from './parts/many-users.ts';
import { memory } from './parts/memory.ts';
import { read } from './parts/read.ts';
import { replicas } from './parts/replicas.ts';
import { stagesOfACall } from './parts/stages.ts';
import { validation } from './parts/validation.ts';
import { verification } from './parts/verification.ts';

/** Everything the bench measures, in the order it does. */
export const parts: readonly Part[] = [
  read,
  latency,
  disconnect,
  stagesOfACall,
  validation,
  lifecycle,
  memory,
  replicas,
  manyUsers,
  verification,
  growth,
  lockedHead,
];
