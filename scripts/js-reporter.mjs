// A reporter for node:test: one line, `pass` or `fail`, for each test. Suites are no tests; skipped ones have not passed.
//
// It is also the watchdog: where no test ends for a while, it names those under way and ends the process, since a test
// that waits for ever would otherwise hide behind the limit of the whole file.

const stallMs = 120_000;

export default async function* report(events) {
  const underWay = new Set();
  let watchdog;
  const watch = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => {
      console.error(
        `no test has ended for ${stallMs / 1000} s; under way: ${[...underWay].join(', ')}`,
      );
      process.exit(1);
    }, stallMs);
    // Not to keep a finished process alive.
    watchdog.unref();
  };

  watch();
  for await (const { type, data } of events) {
    if (type === 'test:dequeue') underWay.add(data.name);
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    underWay.delete(data.name);
    watch();
    if (data.details?.type === 'suite') continue;
    // A `todo` may fail without making the run fail.
    if (data.skip !== undefined || data.todo !== undefined) yield 'skip\n';
    else yield type === 'test:pass' ? 'pass\n' : 'fail\n';
  }
  clearTimeout(watchdog);
}
