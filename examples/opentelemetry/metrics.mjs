// What a candidate counts, as metrics of OpenTelemetry.

/** Observes `candidate` with instruments of `meter`, whenever a reader collects. */
export function observe(meter, candidate, kind) {
  const gauge = (name, options) => meter.createObservableGauge(`incumbent.${name}`, options);
  const counter = (name, options) => meter.createObservableCounter(`incumbent.${name}`, options);

  const readings = [
    [
      gauge('is_leader', { description: '1 on the leader' }),
      ({ state }) => Number(state === 'leader'),
    ],
    [gauge('term', { description: 'Highest term known' }), ({ term }) => term],
    [gauge('instances', { description: 'Instances known' }), ({ instances }) => instances],
    [
      gauge('connected', { description: '1 while the connection stands' }),
      ({ connected }) => Number(connected),
    ],
    [gauge('round_trip.p50', { unit: 'ms' }), ({ roundTripMs }) => roundTripMs.p50],
    [gauge('round_trip.p99', { unit: 'ms' }), ({ roundTripMs }) => roundTripMs.p99],
    [counter('takeovers', { description: 'Elections won' }), ({ takeovers }) => takeovers],
    [counter('renewals.granted'), ({ renewals }) => renewals.granted],
    [counter('renewals.failed'), ({ renewals }) => renewals.refused + renewals.failed],
    [counter('reconnects'), ({ reconnects }) => reconnects],
    [counter('leaderless', { unit: 'ms' }), ({ leaderlessMs }) => leaderlessMs],
    [counter('messages.sent'), ({ messages }) => messages.sent],
    [counter('messages.received'), ({ messages }) => messages.received],
    [counter('messages.missed'), ({ messages }) => messages.gaps],
    [counter('malformed'), ({ malformed }) => malformed],
    [counter('stalls'), ({ stalls }) => stalls.count],
  ];

  meter.addBatchObservableCallback(
    (result) => {
      const stats = candidate.stats();
      for (const [instrument, read] of readings) {
        const value = read(stats);
        if (value !== null) result.observe(instrument, value, { kind });
      }
    },
    readings.map(([instrument]) => instrument),
  );
}
