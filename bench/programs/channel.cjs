'use strict';
// How a program of the benchmark speaks with program.ts, which has started it: calls come in; results and reports go out.

/**
 * Answers calls of these names until the parent goes away.
 * @param {Record<string, (...args: any[]) => unknown>} calls
 */
exports.serve = (calls) => {
  process.on('message', async (/** @type {any} */ { call, name, args }) => {
    try {
      tell({ call, value: await calls[name]?.(...args) });
    } catch (error) {
      tell({ call, error: /** @type {Error} */ (error)?.message ?? String(error) });
    }
  });
  process.on('disconnect', () => process.exit());
  tell({ ready: true });
};

/** What the parent gave to this program. */
exports.task = JSON.parse(process.argv[2] ?? '{}');

/** @param {object} report */
function tell(report) {
  if (process.connected) process.send?.(report);
}

exports.tell = tell;
