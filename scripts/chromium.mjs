// Provides the chromium in which the tests open the dashboard's page.

import { provideServer } from './debian.mjs';

/** @returns {Promise<{ ok: boolean, output: string }>} */
export function provideChromium({ announce = (_text) => {}, echo = false } = {}) {
  return provideServer({
    variable: 'INCUMBENT_CHROMIUM',
    command: 'chromium',
    debianPackage: 'chromium',
    advice:
      'chromium was not found: install Chromium or Chrome 120 or newer, or set INCUMBENT_CHROMIUM to the path of its program',
    announce,
    echo,
  });
}
