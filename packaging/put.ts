// `node --import tsx packaging/put.ts FOLDER`: the same as a command, for scripts that are not TypeScript.

import path from 'node:path';
import { putInto } from './installed.ts';

const folder = process.argv[2];
if (!folder) throw new Error('needs a folder');
void putInto(path.join(folder, 'node_modules'));
