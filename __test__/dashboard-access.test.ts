// The dashboard's page in a real browser, for everybody: on a phone, by keyboard, by day and by night, with a screen reader.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { accessViolations } from './fixtures/browser.ts';
import { dashboardPages, desk, fits, fleet, phone, until } from './fixtures/dashboard-page.ts';
import { eventually } from './fixtures/eventually.ts';
import { incidentAt, stagedFleet } from './fixtures/staged-fleet.ts';
import { StagedObserver } from './fixtures/staged-observer.ts';

const token = 'a-token-of-a-test';

const { open, policyHolds } = dashboardPages();

describe('by keyboard', () => {
  test('the list is walked, a kind is opened, and the focus stays while everything changes', async (t) => {
    const observer = fleet();
    observer.look('mails', Date.now(), { leader: 'carl', instances: [{ id: 'carl' }] });
    const { page } = await open(t, observer);
    await until(page, '#leader', /^carl leads$/);
    await page.locator('#search').focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await until(page, '#leader', /^anna leads$/);
    const focused = () => page.evaluate(`document.activeElement.getAttribute('href')`);
    assert.equal(await focused(), '#kind/orders');
    // It moves to the top of the list, and another one appears before it.
    observer.tell('orders', { type: 'vacant', at: Date.now(), id: 'anna', term: 1, heir: null });
    observer.look('invoices', Date.now(), { instances: [{ id: 'dora' }] });
    await until(page, '#kinds li:first-child', /^invoices/);
    await until(page, '#kinds li:nth-child(2)', /^orders/);
    assert.equal(await focused(), '#kind/orders');
  });

  test('the past is chosen with the arrows', async (t) => {
    const { page } = await open(t, stagedFleet(Date.now()), { hash: '#kind/orders' });
    await until(page, '#leader', /leads$/);
    await page.locator('#ranges input:checked').focus();
    await page.keyboard.press('ArrowRight');
    await eventually(async () => /^Terms in the last 6 h: 4/.test((await label(page))!));
  });
});

test('on a phone there is one view at a time, and the way back', async (t) => {
  const { page } = await open(t, stagedFleet(Date.now()), { viewport: phone });
  await until(page, '#kinds li:first-child', /^billing-reconciler/);
  assert.equal(await page.locator('#kind').isVisible(), false);
  await page.getByRole('link', { name: /^orders/ }).click();
  await until(page, '#leader', /^orders-19ac6 leads$/);
  assert.equal(await page.locator('#kinds').isVisible(), false);
  await page.getByRole('link', { name: 'All kinds' }).click();
  await eventually(() => page.locator('#kinds').isVisible());
});

describe('for everybody', () => {
  const blind = () => {
    const observer = fleet();
    observer.tell('orders', { type: 'blind', at: Date.now(), reason: 'gone', code: 'X' });
    return observer;
  };
  const states: [string, () => StagedObserver, string, (page: Page) => Promise<unknown>][] = [
    ['kinds that are led', () => stagedFleet(Date.now()), '', ready],
    ['a kind', () => stagedFleet(Date.now()), '#kind/orders', openRegister],
    ['no leader, and a silent one', () => incidentAt(Date.now()), '#kind/orders', ready],
    ['nothing at all', () => new StagedObserver(), '', ready],
    ['Redis lost', blind, '#kind/orders', (page) => until(page, '#banner', /Redis/)],
    ['a question', fleet, '#kind/orders', unlock],
  ];
  for (const [state, observer, hash, prepare] of states) {
    test(`it has no barrier, by day and by night, on a phone and on a desk: ${state}`, async (t) => {
      const { page } = await open(t, observer(), { token, hash });
      await prepare(page);
      for (const colorScheme of ['light', 'dark'] as const) {
        for (const viewport of [phone, desk]) {
          await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
          await page.setViewportSize(viewport);
          const place = `${colorScheme}, ${viewport.width} px`;
          assert.deepEqual(await accessViolations(page), [], place);
          await fits(page);
        }
      }
    });
  }

  async function ready(page: Page) {
    await until(page, '#verdict', /kind|leads|leader|watch/);
  }

  async function openRegister(page: Page) {
    await until(page, '#leader', /leads$/);
    await page.locator('.register > summary').click();
    await until(page, '#register-at', /^Read at/);
  }

  async function unlock(page: Page) {
    await until(page, '#leader', /leads$/);
    await page.getByRole('button', { name: 'Actions' }).click();
    await page.getByLabel('Token').fill('wrong');
    await page.keyboard.press('Enter');
    await until(page, '#ask-refused', /token/);
  }
});

policyHolds();

const label = (page: Page) => page.locator('#timeline svg').getAttribute('aria-label');
