// What a candidate counts, as metrics for Prometheus.

import { Counter, Gauge } from 'prom-client';

/** Registers the metrics of `candidate`. They are read whenever Prometheus scrapes. */
export function registerMetrics(candidate, kind, register) {
  const common = { labelNames: ['kind'], registers: [register] };
  const gauge = (name, help, read) =>
    new Gauge({
      ...common,
      name: `incumbent_${name}`,
      help,
      collect() {
        const value = read(candidate.stats());
        // A round trip that never was is no metric yet.
        if (value !== null) this.set({ kind }, value);
      },
    });
  const counter = (name, help, read) =>
    new Counter({
      ...common,
      name: `incumbent_${name}_total`,
      help,
      collect() {
        // The candidate has done the counting.
        this.reset();
        this.inc({ kind }, read(candidate.stats()));
      },
    });

  gauge('is_leader', '1 on the leader', ({ state }) => Number(state === 'leader'));
  gauge('term', 'Highest term known', ({ term }) => term);
  gauge('instances', 'Instances known, this one included', ({ instances }) => instances);
  gauge(
    'valid_for_seconds',
    'How long it leads without another renewal',
    (stats) => stats.validForMs / 1000,
  );
  gauge('connected', '1 while the connection to Redis stands', ({ connected }) =>
    Number(connected),
  );
  gauge('round_trip_p50_seconds', 'Median round trip to Redis', ({ roundTripMs }) =>
    seconds(roundTripMs.p50),
  );
  gauge('round_trip_p99_seconds', '99th percentile of round trips', ({ roundTripMs }) =>
    seconds(roundTripMs.p99),
  );

  counter('takeovers', 'Elections won', ({ takeovers }) => takeovers);
  counter('renewals_granted', 'Renewals granted', ({ renewals }) => renewals.granted);
  counter(
    'renewals_failed',
    'Renewals refused or unanswered',
    ({ renewals }) => renewals.refused + renewals.failed,
  );
  counter('reconnects', 'Connections made again', ({ reconnects }) => reconnects);
  counter(
    'leaderless_seconds',
    'Time without a known leader',
    ({ leaderlessMs }) => leaderlessMs / 1000,
  );
  counter('messages_sent', 'Messages sent', ({ messages }) => messages.sent);
  counter('messages_received', 'Messages received', ({ messages }) => messages.received);
  counter('messages_missed', 'Messages that a gap told of', ({ messages }) => messages.gaps);
  counter('malformed', 'Malformed input', ({ malformed }) => malformed);
  counter('stalls', 'Blocks of the event loop beyond maxStallMs', ({ stalls }) => stalls.count);
}

const seconds = (ms) => (ms === null ? null : ms / 1000);
