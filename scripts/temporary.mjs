import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A directory that is gone when the script ends, also when Ctrl-C ends it. */
export function temporaryDirectory() {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'incumbent-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
