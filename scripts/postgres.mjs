// Provides the PostgreSQL server that the example's test starts.

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { provideServer } from './debian.mjs';

/** @returns {Promise<{ ok: boolean, output: string }>} */
export function providePostgres({ announce = (_text) => {}, echo = false } = {}) {
  return provideServer({
    variable: 'INCUMBENT_POSTGRES_SERVER',
    command: 'postgres',
    debianPackage: 'postgresql',
    directories: debianDirectories,
    advice:
      'postgres was not found: install PostgreSQL, or set INCUMBENT_POSTGRES_SERVER to the path of its server (with initdb beside it)',
    announce,
    echo,
  });
}

/** Debian has a directory for each version, none of which is in PATH; the newest comes first. */
function debianDirectories() {
  const versions = '/usr/lib/postgresql';
  if (!existsSync(versions)) return [];
  return readdirSync(versions)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => path.join(versions, version, 'bin'));
}
