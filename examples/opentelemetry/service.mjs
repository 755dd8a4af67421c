// Exports the metrics of a candidate; to the console here, to a collector in earnest.

import { metrics } from '@opentelemetry/api';
import {
  ConsoleMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { Candidate } from 'incumbent';
import { observe } from './metrics.mjs';

const reader = new PeriodicExportingMetricReader({
  exporter: new ConsoleMetricExporter(),
  exportIntervalMillis: Number(process.env.EXPORT_INTERVAL_MS ?? 60_000),
  exportTimeoutMillis: Number(process.env.EXPORT_INTERVAL_MS ?? 60_000),
});
const provider = new MeterProvider({ readers: [reader] });
metrics.setGlobalMeterProvider(provider);

const kind = 'poller';
const candidate = new Candidate({ redis: process.env.REDIS_URL, kind });
candidate.on('error', (error) => console.error(error.code, error.message));
observe(metrics.getMeter('incumbent'), candidate, kind);

process.once('SIGTERM', async () => {
  await candidate.stop();
  await provider.shutdown();
});

await candidate.start();
