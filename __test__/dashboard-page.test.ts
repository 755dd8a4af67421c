// The dashboard's page in a real browser: what an engineer sees, hears and does there.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { dashboardPages, desk, fits, fleet, phone, until } from './fixtures/dashboard-page.ts';
import { eventually } from './fixtures/eventually.ts';
import { stagedFleet } from './fixtures/staged-fleet.ts';
import { StagedObserver } from './fixtures/staged-observer.ts';

const token = 'a-token-of-a-test';

const { open, policyHolds } = dashboardPages();

describe('whoever opens it', () => {
  test('sees who leads, since when, the last takeover and how long nobody led', async (t) => {
    const { page } = await open(t, stagedFleet(Date.now()), { hash: '#kind/orders' });
    await until(page, '#leader', /^orders-19ac6 leads$/);
    await until(page, '#verdict', /^All 6 kinds are led; 1 kind not running$/);
    await until(page, '#since', /^since .*, for 4 min 1\d s\.$/);
    await until(page, '#takeover-ago', /^4 min ago$/);
    await until(page, '#takeover-gap', /^nobody led for 712 ms$/);
    await until(page, '#gap-sum', /^1\.9 s$/);
    await until(page, '#instances-count', /^4$/);
    assert.equal(await page.locator('#timeline .term').count(), 4);
    assert.equal(await page.locator('#timeline .gap').count(), 3);
    assert.equal(await page.locator('#takeovers li').count(), 3);
  });

  test('sees a crash as it happens, without a reload, and hears of it', async (t) => {
    const observer = fleet();
    const { page } = await open(t, observer);
    await until(page, '#leader', /^anna leads$/);
    const at = Date.now();
    observer.tell('orders', { type: 'silent', at, id: 'anna', term: 1, lastBeatAt: at - 800 });
    await until(page, '#leader', /^anna is silent$/);
    await until(page, '#verdict', /^The leader of orders is silent for/);
    observer.elected('orders', at + 10, 'bert', { after: 'silence', ms: 810, from: 'anna' });
    await until(page, '#leader', /^bert leads$/);
    await until(page, '#takeovers', /anna → bert810 msfell silent/);
    await until(page, '#live', /bert leads orders now\./);
  });

  test('sees that nobody leads, for how long, and which kind it is: at the top of the list', async (t) => {
    const observer = fleet();
    const { page } = await open(t, observer);
    await until(page, '#leader', /^anna leads$/);
    observer.look('zebra', Date.now(), { instances: [{ id: 'carl' }] });
    await until(page, '#verdict', /^Nobody leads zebra for .*s$/);
    await until(page, '#kinds li:first-child', /^zebra: No leader\. Nobody leadsfor /);
  });

  test('on an empty server is told what to do, and sees the first kind appear', async (t) => {
    const observer = new StagedObserver();
    const { page } = await open(t, observer);
    await until(page, '#verdict', /^Nothing to watch yet$/);
    await until(page, '#example', /redis:\/\/127\.0\.0\.1:6379/);
    assert.equal(await page.locator('#columns').isVisible(), false);
    observer.look('orders', Date.now(), { leader: 'anna', instances: [{ id: 'anna' }] });
    await until(page, '#leader', /^anna leads$/);
    assert.equal(await page.locator('#empty').isVisible(), false);
  });

  test('by an address of a kind that is not there is told so', async (t) => {
    const { page } = await open(t, fleet(), { hash: '#kind/%E4%' });
    await until(page, '#leader', /^anna leads$/);
    await page.evaluate(`location.hash = '#kind/unknown'`);
    await until(page, '#leader', /^There is no such kind on this server$/);
    await page.evaluate(`location.hash = '#kind/orders'`);
    await until(page, '#leader', /^anna leads$/);
  });
});

describe('what is old', () => {
  test('is told as old while Redis is lost: since when, and why; and it ends by itself', async (t) => {
    const observer = fleet();
    const { page } = await open(t, observer);
    await until(page, '#leader', /^anna leads$/);
    const at = Date.now();
    observer.failure = new Error('the connection broke');
    observer.tell('orders', { type: 'blind', at, reason: 'the connection broke', code: 'X' });
    await until(page, '#leader', /^anna led when last seen$/);
    await until(
      page,
      '#banner',
      /^Redis cannot be seen since \d\d:\d\d:\d\d: the connection broke\. What is shown/,
    );
    await until(page, '#verdict', /^Last known: orders is led$/);
    await until(page, '#link', /^Redis lost$/);
    const since = await page.locator('#since').textContent();
    await page.waitForTimeout(2100);
    assert.equal(await page.locator('#since').textContent(), since, 'nothing grows older');
    observer.failure = undefined;
    observer.look('orders', Date.now(), { leader: 'bert', instances: [{ id: 'bert' }] });
    await until(page, '#leader', /^bert leads$/);
    assert.equal(await page.locator('#banner').isVisible(), false);
    const hatched = page.locator('#timeline .unknown title');
    const reasons = 'not watched yet, Redis out of reach';
    await eventually(async () => (await hatched.allTextContents()).join(', ') === reasons);
  });

  test('is told as old when the dashboard itself has ended', async (t) => {
    const { page, dashboard } = await open(t, fleet());
    await until(page, '#leader', /^anna leads$/);
    dashboard.end();
    await until(page, '#banner', /^The dashboard has not been heard since/);
    await until(page, '#leader', /^anna led when last seen$/);
  });

  test('is not what a page shows that never saw Redis', async (t) => {
    const observer = new StagedObserver();
    observer.failure = new Error('nobody listens at 127.0.0.1:6379');
    const { page } = await open(t, observer);
    await until(page, '#banner', /nobody listens at 127\.0\.0\.1:6379\.$/);
    await until(page, '#verdict', /^Nothing is known of this server yet$/);
    assert.equal(await page.locator('#empty').isVisible(), false);
  });
});

describe('what others have chosen', () => {
  test('is text, whatever it looks like', async (t) => {
    const evil = '<img src=x onerror="document.title=1">';
    const observer = new StagedObserver();
    observer.look(evil, Date.now(), {
      leader: `${evil}\u202eabc`,
      instances: [
        { id: `${evil}\u202eabc`, meta: { [evil]: evil, list: [evil] } },
        { id: 'b', meta: evil },
        { id: 'c', meta: 'x'.repeat(5000) },
        { id: 'd', meta: ['__proto__', null, 1.5] },
        { id: 'e', meta: { __proto__: null, deep: { deeper: [1] } } },
      ],
    });
    const { page } = await open(t, observer);
    await until(page, '#kind-name', new RegExp(`^${evil}$`));
    await until(page, '#leader', /\\u\{202e\}abc leads$/);
    assert.equal(await page.locator('main img').count(), 0);
    assert.match(await page.title(), /^<img src=x .* · Incumbent$/);
    await page.locator('#instances summary').first().click();
    assert.match((await page.locator('#instances pre').first().textContent())!, /"list": \[/);
  });

  test('fits, however long it is', async (t) => {
    const long = 'w'.repeat(128);
    const observer = new StagedObserver();
    const meta = { [long]: long, sentence: 'word '.repeat(300) };
    observer.look(long, Date.now() - 5000, { leader: long, instances: [{ id: long, meta }] });
    observer.elected(long, Date.now(), `${long.slice(1)}v`, {
      after: 'silence',
      ms: 8,
      from: long,
    });
    for (const viewport of [phone, desk]) {
      const { page } = await open(t, observer, { viewport, hash: `#kind/${long}` });
      await until(page, '#leader', /wv leads$/);
      await fits(page);
    }
  });

  test('a kind without a name has one here', async (t) => {
    const observer = new StagedObserver();
    observer.look('', Date.now(), { leader: 'anna', instances: [{ id: 'anna' }] });
    const { page } = await open(t, observer, { hash: '#kind/' });
    await until(page, '#kind-name', /^\(the kind without a name\)$/);
    await until(page, '#leader', /^anna leads$/);
  });
});

test('the theme is chosen, and kept over a reload', async (t) => {
  const { page } = await open(t, fleet(), { colorScheme: 'light' });
  const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
  assert.equal(await ground(), 'rgb(244, 245, 247)');
  await page.getByLabel('Theme').selectOption('dark');
  assert.equal(await ground(), 'rgb(14, 18, 23)');
  await page.reload();
  assert.equal(await ground(), 'rgb(14, 18, 23)');
  await page.getByLabel('Theme').selectOption('system');
  assert.equal(await ground(), 'rgb(244, 245, 247)');
});

test('among a thousand kinds one is found by its name, or by who leads it', async (t) => {
  const observer = new StagedObserver();
  for (let number = 0; number < 1000; number++) {
    const leader = `leader-${number}`;
    observer.look(`kind-${number}`, Date.now(), { leader, instances: [{ id: leader }] });
  }
  const { page } = await open(t, observer);
  await until(page, '#verdict', /^All 1\u202f000 kinds are led$/);
  assert.equal(await page.locator('#kinds li').count(), 1000);
  await page.locator('#search').fill('LEADER-777');
  await until(page, '#found', /^1 of 1\u202f000 kinds$/);
  await until(page, '#kinds', /^kind-777/);
});

test('the register is read when it is opened', async (t) => {
  const { page } = await open(t, fleet());
  await until(page, '#leader', /^anna leads$/);
  await page.locator('.register > summary').click();
  await until(page, '#register', /^holderorders:00000000deadbeefterm7$/);
  await until(page, '#register-at', /^Read at /);
});

describe('actions', () => {
  test('are not shown where they are not allowed', async (t) => {
    const { page } = await open(t, fleet());
    await until(page, '#leader', /^anna leads$/);
    assert.equal(
      await page.getByRole('button', { name: /actions|hand over|election/i }).count(),
      0,
    );
  });

  test('are unlocked by the token, say what will happen, and are done', async (t) => {
    const observer = fleet();
    observer.obeys = (kind, { to }) => {
      observer.elected(kind, Date.now(), to, { after: 'handover', ms: 2, from: 'anna' });
      return 1;
    };
    const { page } = await open(t, observer, { token });
    await until(page, '#leader', /^anna leads$/);
    assert.equal(await page.getByRole('button', { name: /hand over/i }).count(), 0);

    await page.getByRole('button', { name: 'Actions' }).click();
    await page.getByLabel('Token').fill('wrong');
    await page.keyboard.press('Enter');
    await until(page, '#ask-refused', /^This is not the token that the command has printed\.$/);
    await page.getByLabel('Token').fill(token);
    await page.keyboard.press('Enter');

    await page.getByRole('button', { name: 'Hand over to bert' }).click();
    await until(page, '#ask-title', /^Hand orders over to bert\?$/);
    await until(page, '#ask-text', /^anna gives the leadership up, .* and bert takes over\./);
    await page.keyboard.press('Escape');
    assert.deepEqual(observer.requests, []);
    await page.getByRole('button', { name: 'Hand over to bert' }).click();
    await page.getByRole('button', { name: 'Hand over', exact: true }).click();
    await until(page, '#leader', /^bert leads$/);
    assert.deepEqual(observer.requests, [['orders', { request: 'transfer', to: 'bert' }]]);
    assert.ok(!page.url().includes(token));
    await eventually(async () => !(await page.locator('#ask').isVisible()));

    await page.getByRole('button', { name: 'Lock actions' }).click();
    await eventually(
      async () => (await page.getByRole('button', { name: /hand over/i }).count()) === 0,
    );
  });

  test('that are refused say why, and can be tried again', async (t) => {
    const observer = fleet();
    const { page } = await open(t, observer, { token });
    await page.getByRole('button', { name: 'Actions' }).click();
    await page.getByLabel('Token').fill(token);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Ask for a new election' }).click();
    await page.getByRole('button', { name: 'Ask for it' }).click();
    await until(page, '#ask-refused', /^No instance of this kind takes requests/);
    assert.equal(await page.getByRole('button', { name: 'Ask for it' }).isEnabled(), true);
  });
});

policyHolds();
