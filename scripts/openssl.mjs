// Provides openssl, by which the tests make their certificates.

import { provideServer } from './debian.mjs';

/** @returns {Promise<{ ok: boolean, output: string }>} */
export function provideOpenssl({ announce = (_text) => {}, echo = false } = {}) {
  return provideServer({
    variable: 'INCUMBENT_OPENSSL',
    command: 'openssl',
    debianPackage: 'openssl',
    advice:
      'openssl was not found: install OpenSSL 1.1.1 or newer, or set INCUMBENT_OPENSSL to the path of its program',
    announce,
    echo,
  });
}
