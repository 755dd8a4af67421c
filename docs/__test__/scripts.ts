import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './document.ts';

/** Loads a module of scripts/, which are plain JavaScript: what they export has no types. */
export function fromScripts(module: string): Promise<any> {
  return import(pathToFileURL(path.join(root, 'scripts', module)).href);
}
