'use strict';

/**
 * An AbortController whose signal calls `check` before it answers whether it is aborted. `check`
 * aborts it where that is due: the first line that runs after a blocked loop then sees it, before
 * any timer or event could tell.
 */
function clockedController(check) {
  const controller = new AbortController();
  const { signal } = controller;
  // The getters of the prototype are shared by all signals; these belong to this one.
  Object.defineProperties(signal, {
    aborted: {
      configurable: true,
      get() {
        check();
        return read('aborted', signal);
      },
    },
    reason: {
      configurable: true,
      get() {
        check();
        return read('reason', signal);
      },
    },
    throwIfAborted: {
      configurable: true,
      writable: true,
      value: function throwIfAborted() {
        check();
        AbortSignal.prototype.throwIfAborted.call(signal);
      },
    },
  });
  return controller;
}

function read(name, signal) {
  return Reflect.get(AbortSignal.prototype, name, signal);
}

module.exports = { clockedController };
