// `npm run docs`: generates the reference in docs/reference.

import { generateReference, installDocumentTools } from './document-tools.mjs';

const installed = await installDocumentTools({ announce: console.log });
const { ok, output } = installed.ok ? await generateReference() : installed;
console.log(output.trimEnd());
process.exitCode = ok ? 0 : 1;
