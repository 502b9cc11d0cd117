// Settings of the whole process that a service needs. Call this in a process that does nothing else, before its first I/O.
import { setFlagsFromString } from 'node:v8';

export function tuneProcess(): void {
  collectLessOften();
  syncMoreAtOnce();
}

/**
 * Everything that a service reads or writes passes through fresh memory outside of V8's small heap, and V8 counts that memory.
 * So it marks the whole heap after every 10 MB that pass, which takes a quarter of the service's processor time.
 * With this setting, V8 waits until heap and such memory have doubled.
 */
function collectLessOften(): void {
  setFlagsFromString('--heap-growing-percent=100');
}

/**
 * Each put keeps two of Node's threads waiting for the disk, and the log of the table a further one. With Node's four
 * threads, an append would wait for the puts of others. Node reads the variable when it first needs a thread.
 */
function syncMoreAtOnce(): void {
  process.env.UV_THREADPOOL_SIZE ??= '12';
}
