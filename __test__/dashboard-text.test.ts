// How the dashboard's page words times, numbers and names.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

type Text = typeof import('../lib/dashboard/page/text.mjs');

let text: Text;
before(async () => {
  text = await import('../lib/dashboard/page/text.mjs');
});

const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];

test('a length of time reads in two units at most, and never rounds up into the next one', () => {
  for (const [ms, words] of [
    [-5, '0 ms'],
    [0.4, '0 ms'],
    [712, '712 ms'],
    [999.6, '1.0 s'],
    [9949, '9.9 s'],
    [9950, '10 s'],
    [59_499, '59 s'],
    [59_500, '1 min'],
    [4 * minute + 12 * second, '4 min 12 s'],
    [hour - 400, '1 h'],
    [2 * hour + 14 * minute + 59 * second, '2 h 14 min'],
    [3 * day + 4 * hour, '3 d 4 h'],
    [400 * day, '400 d'],
  ] as const) {
    assert.equal(text.duration(ms), words);
  }
});

test('what goes on, and what is past, is told in whole seconds', () => {
  assert.equal(text.running(0), '0 s');
  assert.equal(text.running(1999), '1 s');
  assert.equal(text.running(61_999), '1 min 1 s');
  assert.equal(text.ago(300), 'just now');
  assert.equal(text.ago(3999), '3 s ago');
  assert.equal(text.briefly(3999), '3 s ago');
  assert.equal(text.briefly(4 * minute + 12 * second), '4 min ago');
  assert.equal(text.briefly(26 * hour), '1 d ago');
});

test('what is told of the last hour says so where it was watched for less', () => {
  assert.equal(text.lately(2 * hour, hour), 'in the last hour');
  assert.equal(text.lately(2 * hour, null), 'in the last hour');
  assert.equal(text.lately(hour, hour - 12 * minute - 5 * second), 'in 12 min');
  assert.equal(text.lately(hour, hour - 5 * second), 'in 5 s');
});

test('a time of another day bears its date', () => {
  const now = new Date(2026, 2, 12, 2, 14, 9).getTime();
  assert.equal(text.clock(now - minute, now), '02:13:09');
  assert.equal(text.clock(now - 3 * hour, now), '2026-03-11 23:14:09');
});

test('numbers are grouped, and small rates keep a decimal', () => {
  assert.equal(text.grouped(1_234_567), '1\u202f234\u202f567');
  assert.equal(text.rate(0), '0/s');
  assert.equal(text.rate(0.5), '0.5/s');
  assert.equal(text.rate(2), '2/s');
  assert.equal(text.rate(9.96), '10/s');
  assert.equal(text.count(1, 'kind'), '1 kind');
  assert.equal(text.count(2, 'kind is', 'kinds are'), '2 kinds are');
});

test('what cannot be seen in a name is written out; what can be seen stays as it is', () => {
  assert.equal(
    text.seen('a\u202eb\n\u0000\ud800\u{e0041}'),
    'a\\u{202e}b\\u{a}\\u{0}\\u{d800}\\u{e0041}',
  );
  const kept = 'Ünïcode/日本語 👍 <b>&amp;"\'';
  assert.equal(text.seen(kept), kept);
  assert.equal(text.kindName(''), '(the kind without a name)');
});
