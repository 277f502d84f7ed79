// The lock between processes, for the TypeScript side.
export { withFileLock } from "./fileLock.cjs";
