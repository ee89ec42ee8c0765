import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** A full collection: some 50 ms, and seconds in a process that has run many tests. */
export const collectGarbage = runInNewContext('gc') as () => void;
