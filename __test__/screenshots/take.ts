// Takes the pictures of the dashboard, of a server that is staged: the same ones each time, but for a second or two.

import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { openPage, startBrowser } from '../fixtures/browser.ts';
import { eventually } from '../fixtures/eventually.ts';
import { startDashboard } from '../fixtures/staged-dashboard.ts';
import { incidentAt, stagedFleet } from '../fixtures/staged-fleet.ts';

const directory = path.join(__dirname, '../../docs/images');
const night = Date.UTC(2026, 2, 12, 2, 14, 9);

const desk = { width: 1200, height: 960 };
const phone = { width: 360, height: 760 };

const pictures = [
  {
    name: 'dashboard-light',
    staged: stagedFleet,
    viewport: desk,
    colorScheme: 'light',
    hash: '#kind/orders',
  },
  {
    name: 'dashboard-dark',
    staged: incidentAt,
    viewport: desk,
    colorScheme: 'dark',
    hash: '#kind/orders',
  },
  {
    name: 'dashboard-phone-light',
    staged: stagedFleet,
    viewport: phone,
    colorScheme: 'light',
    hash: '',
  },
  {
    name: 'dashboard-phone-dark',
    staged: incidentAt,
    viewport: phone,
    colorScheme: 'dark',
    hash: '#kind/orders',
  },
] as const;

void main();

async function main() {
  mkdirSync(directory, { recursive: true });
  const browser = await startBrowser();
  try {
    for (const picture of pictures) {
      const file = path.join(directory, `${picture.name}.png`);
      await take(browser, picture, file);
      console.log(
        `${path.relative(process.cwd(), file)}: ${Math.ceil(statSync(file).size / 1024)} kB`,
      );
    }
  } finally {
    await browser.close();
  }
}

async function take(
  browser: Awaited<ReturnType<typeof startBrowser>>,
  { staged, viewport, colorScheme, hash }: (typeof pictures)[number],
  file: string,
) {
  const ends: (() => unknown)[] = [];
  const { url } = await startDashboard({ after: (end) => ends.push(end) }, staged(night));
  const options = { viewport, colorScheme, timezoneId: 'UTC', locale: 'en-GB' };
  const { page, close } = await openPage(browser, `${url}${hash}`, options);
  await eventually(async () => /kind|orders/.test((await page.textContent('#verdict'))!));
  await eventually(async () => (await page.locator('#takeovers li').count()) > 0);
  await page.screenshot({ path: file });
  await close();
  for (const end of ends) await end();
}
