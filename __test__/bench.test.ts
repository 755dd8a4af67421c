// What the benchmark makes of what it measured: a harness that counts wrongly would flatter.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from '../bench/arguments.ts';
import { countTraffic, deliveries, sentCommands } from '../bench/commands.ts';
import { commandFor, documentOf } from '../bench/document.ts';
import { all, atLeast, atMost, below, timesTheBest } from '../bench/goals.ts';
import { linesOf, type Line } from '../bench/lines.ts';
import { disturbance, thisMachine } from '../bench/machine.ts';
import { runScenario } from '../bench/runner.ts';
import type { Case, Circumstances, Scenario } from '../bench/scenario.ts';
import { growthExponent, summarize } from '../bench/statistics.ts';
import { cells, figure, textTable } from '../bench/table.ts';

const circumstances: Circumstances = {
  choice: {
    ...{ scenarios: undefined, against: [], runs: undefined, isShort: false },
    ...{ options: {}, json: undefined, markdown: undefined },
  },
  isShort: false,
  leaseMs: 800,
  against: () => true,
};

function scenario(cases: Case[], some: Partial<Scenario> = {}): Scenario {
  return {
    ...{ name: 'planted', title: 'Planted', bound: { by: 'timer', text: 'none' } },
    ...{ runs: { full: 3, short: 1 }, metrics: { time: { unit: 'ms', better: 'lower' } } },
    cases: () => cases,
    ...some,
  };
}

/** Gives these values, one in each run. */
function planted(who: string, values: number[], some: Partial<Case> = {}): Case {
  let run = 0;
  return { who, what: 'a case', measure: async () => ({ time: values[run++]! }), ...some };
}

const times = (some: number[]) => new Map([['time', some]]);

function oneLine(some: Partial<Case>, values: number[], failures: string[] = []): Line {
  const one = { case: planted('incumbent', [], some), values: times(values), failures };
  const other = { case: planted('other', []), values: times([10, 20, 30]), failures: [] };
  return linesOf(scenario([]), [one, other])[0]!;
}

describe('values are summed up', () => {
  test('median, p99 and extremes are values that were measured', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index);
    assert.deepEqual(summarize(values), {
      ...{ runs: 200, median: 100, p99: 198, mean: 100.5, minimum: 1, maximum: 200 },
    });
    assert.equal(summarize([3, 1, 2])!.median, 2);
    assert.equal(summarize([1, 5])!.p99, 5);
  });

  test('without a value there is no summary', () => {
    assert.equal(summarize([]), undefined);
  });

  test('the exponent of growth: constant, linear, quadratic, and what is between', () => {
    const grown = (of: (size: number) => number) =>
      growthExponent([1, 10, 50, 1000].map((size) => ({ size, value: of(size) })))!;
    assert.ok(Math.abs(grown(() => 7)) < 1e-9);
    assert.ok(Math.abs(grown((size) => 3 * size) - 1) < 1e-9);
    assert.ok(Math.abs(grown((size) => 0.1 * size ** 2) - 2) < 1e-9);
    const withConstant = grown((size) => size + 8);
    assert.ok(withConstant > 0.5 && withConstant < 1, String(withConstant));
  });

  test('one size alone, and values of 0, have no exponent', () => {
    assert.equal(growthExponent([{ size: 10, value: 5 }]), undefined);
    assert.equal(
      growthExponent([
        { size: 10, value: 5 },
        { size: 20, value: 0 },
      ]),
      undefined,
    );
  });
});

describe('the lines of MONITOR are counted', () => {
  const lines = [
    'OK',
    '1700000000.000001 [0 127.0.0.1:5000] "EVALSHA" "abc" "1" "incumbent:{a}:register"',
    '1700000000.000002 [0 lua] "PERSIST" "incumbent:{a}:register"',
    '1700000000.000003 [0 lua] "PUBLISH" "a \\"channel\\"" "beat"',
    '1700000000.000004 [0 127.0.0.1:5000] "publish" "b" "x [0 lua] \\"PING\\""',
    '1700000000.000005 [0 unix:/tmp/redis.sock] "ping"',
  ];

  test('what a script calls was not sent by a client', () => {
    const traffic = countTraffic(lines);
    assert.deepEqual(Object.fromEntries(traffic.sent), { evalsha: 1, publish: 1, ping: 1 });
    assert.equal(sentCommands(traffic), 3);
  });

  test('a publication counts once for each subscriber, whoever published it', () => {
    const subscribers = new Map([
      ['a \\"channel\\"', 10],
      ['b', 2],
    ]);
    assert.equal(deliveries(countTraffic(lines), subscribers), 12);
    assert.equal(deliveries(countTraffic(lines), new Map()), 0);
  });
});

describe('a goal is met or not', () => {
  const summary = summarize([1, 2, 9])!;
  const lower = { unit: 'ms', better: 'lower' } as const;
  const higher = { unit: '', better: 'higher' } as const;

  test('by the statistic that it names', () => {
    assert.equal(atMost(2).isMet(summary, [], lower), true);
    assert.equal(below(2).isMet(summary, [], lower), false);
    assert.equal(atMost(8, 'maximum').isMet(summary, [], lower), false);
    assert.equal(atMost(4, 'mean').isMet(summary, [], lower), true);
    assert.equal(atLeast(3).isMet(summary, [], higher), false);
  });

  test('by the best of the others, which is the least of times and the most of rates', () => {
    assert.equal(timesTheBest(2).isMet(summary, [4, 100], lower), true);
    assert.equal(timesTheBest(2).isMet(summary, [3.9, 100], lower), false);
    assert.equal(timesTheBest(2).isMet(summary, [1, 0.5], higher), true);
    assert.equal(timesTheBest(2).isMet(summary, [1.1, 0.5], higher), false);
  });

  test('without others it is neither met nor missed, unless another part of it is missed', () => {
    assert.equal(timesTheBest(2).isMet(summary, [], higher), undefined);
    assert.equal(all(timesTheBest(2), atLeast(1)).isMet(summary, [], higher), undefined);
    assert.equal(all(timesTheBest(2), atLeast(3)).isMet(summary, [], higher), false);
    assert.equal(all(atMost(2), atLeast(1)).isMet(summary, [], higher), true);
  });

  test('never by a case of which a run failed, or none was made', () => {
    const goals = { time: atMost(100) };
    assert.equal(oneLine({ goals }, [1]).isMet, true);
    assert.equal(oneLine({ goals }, [1], ['it hung']).isMet, false);
    assert.equal(oneLine({ goals }, []).isMet, false);
    assert.equal(oneLine({}, [1]).isMet, undefined);
  });
});

describe('a scenario is measured', () => {
  test('its cases in turn, round after round', async () => {
    const order: string[] = [];
    const cases = ['a', 'b'].map((who) => ({
      ...planted(who, []),
      measure: async () => {
        order.push(who);
        return { time: [1, 2] };
      },
    }));
    const { lines } = await runScenario(scenario(cases), circumstances);
    assert.equal(order.join(''), 'ababab');
    assert.deepEqual(
      lines.map(({ who, values }) => [who, values.length]),
      [
        ['a', 6],
        ['b', 6],
      ],
    );
  });

  test('as often as asked for, and a slow case no more often than it says', async () => {
    const cases = [planted('a', [1, 1, 1, 1]), planted('slow', [1], { maximumRuns: 1 })];
    const asked = { ...circumstances, choice: { ...circumstances.choice, runs: 4 } };
    const { lines } = await runScenario(scenario(cases), asked);
    assert.deepEqual(
      lines.map(({ summary }) => summary!.runs),
      [4, 1],
    );
  });

  test('a run that fails is told, and the others are measured all the same', async () => {
    let run = 0;
    const failing = planted('a', [], {
      goals: { time: atMost(5) },
      async measure() {
        run += 1;
        if (run === 2) throw new Error('it hung');
        return { time: 1 };
      },
    });
    const result = await runScenario(scenario([failing]), circumstances);
    assert.deepEqual(result.lines[0]!.values, [1, 1]);
    assert.deepEqual(result.lines[0]!.failures, ['it hung']);
    assert.equal(result.lines[0]!.isMet, false);
    assert.match(textTable(result), /2 \(1 failed\).*NO$/m);
  });

  test('ratios say how many times as good Incumbent is, of times as of rates', async () => {
    const cases = () => [
      planted('incumbent', [2, 2, 2]),
      planted('slow', [8, 8, 8]),
      planted('fast', [1, 1, 1]),
      planted('elsewhere', [1, 1, 1], { what: 'another case' }),
    ];
    const ratios = async (better: 'lower' | 'higher') => {
      const metrics = { time: { unit: '', better } };
      const { lines } = await runScenario(scenario(cases(), { metrics }), circumstances);
      return lines.map(({ advantage }) => advantage);
    };
    assert.deepEqual(await ratios('lower'), [0.5, 4, 0.5, undefined]);
    assert.deepEqual(await ratios('higher'), [0.25, 0.25, 2, undefined]);
  });
});

describe('figures are shown', () => {
  test('with three digits, or all of a large number', () => {
    assert.deepEqual([0, 3, 0.12345, 12.345, 123.45, 412_345.6].map(figure), [
      ...['0', '3', '0.123', '12.3', '123', '412346'],
    ]);
    assert.equal(figure(undefined), '–');
  });

  test('a case that never came to a figure has its line', () => {
    assert.deepEqual(cells(oneLine({}, [], ['no server', 'no server'])), [
      ...['a case', 'incumbent', 'time, ms', '–', '–', '–', '–', '0 (2 failed)', '–', '–', '–'],
    ]);
  });

  test('in a document, with the command that measures them again', async () => {
    const result = await runScenario(scenario([planted('incumbent', [1, 2, 3])]), circumstances);
    const args = ['--short', '--scenario', 'x,y', '--markdown=FILE', '--json', 'FILE'];
    const text = await documentOf([result], thisMachine(new Date(0)), args);
    assert.match(text, /^## Planted$/m);
    assert.match(text, /`npm run bench -- --scenario planted --short`/);
    assert.match(text, /^\| a case \| incumbent \| time, ms +\| +2 \|/m);
    assert.match(text, /1970-01-01/);
    assert.equal(commandFor('idle', []), 'npm run bench -- --scenario idle');
  });
});

test('a machine that was busy before the start is told of', () => {
  const machine = { ...thisMachine(new Date()), cores: 2 };
  assert.equal(disturbance({ ...machine, loadBefore: 0.4 }), undefined);
  assert.match(disturbance({ ...machine, loadBefore: 3.14 })!, /a load of 3\.1 on 2 cores/);
});

describe('the command line', () => {
  const names = ['idle', 'latency'];

  test('everything by default; what is given is taken', () => {
    const bare = parse([], names);
    assert.ok(typeof bare !== 'string');
    assert.equal(bare.scenarios, undefined);
    assert.ok(bare.against.includes('ioredis'));
    const given = parse(
      '--scenario idle,latency --against none --runs 7 --option leaseMs=400 --option x=y'.split(
        ' ',
      ),
      names,
    );
    assert.ok(typeof given !== 'string');
    assert.deepEqual(
      [given.scenarios, given.against, given.runs, given.options],
      [names, [], 7, { leaseMs: 400, x: 'y' }],
    );
  });

  test('what is wrong is named, with what is right', () => {
    assert.equal(parse(['--help'], names), 'help');
    assert.match(
      parse(['--scenario', 'idel'], names) as string,
      /--scenario does not know 'idel'; there are idle, latency/,
    );
    assert.match(parse(['--against', 'nats'], names) as string, /'nats'; there are redis, ioredis/);
    assert.match(parse(['--runs', '0'], names) as string, /--runs takes whole numbers from 1 up/);
    assert.match(parse(['--option', 'leaseMs'], names) as string, /--option takes name=value/);
    assert.match(parse(['--fast'], names) as string, /Unknown option '--fast'/);
  });
});
