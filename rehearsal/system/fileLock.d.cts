// The types of the lock between processes.

/**
 * Runs `fn` while holding the lock `file`, which no other process on this machine, and no other call in this one, holds
 * at that time. Waits as long as it takes; a lock whose holder has died is taken over.
 *
 * @param file the lock's path, e.g. `~/.cache/azure-docker-host/engine.lock`; its folder is made if it is missing
 * @param onWait called once, with the holder's process ID, if there is something to wait for
 * @param fn what needs the lock, which is released when it ends or fails
 */
export function withFileLock<T>(file: string, onWait: (holder: number) => void, fn: () => T | Promise<T>): Promise<T>;
