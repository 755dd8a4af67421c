'use strict';

// What the page may ask of a leader. Asking is not doing: the leader decides, and what became of it is seen from outside.

// A leader that gives up may first let its work settle, for 5 s where nobody has chosen otherwise.
const PATIENCE_MS = 15_000;

/**
 * @param {{ observer: any, board: import('./board.js').Board, token: string, patienceMs?: number }} what
 */
function deedsOf({ observer, board, token, patienceMs = PATIENCE_MS }) {
  return {
    token,
    reelect: (kind) => request(kind, { request: 'reelect' }),
    transfer: (kind, to) => request(kind, { request: 'transfer', to }),
  };

  /** Resolves once another term has begun, to whoever leads in it. */
  async function request(kind, asked) {
    const view = board.kind(kind);
    if (!view) throw new Error(`there is no kind ${JSON.stringify(kind)}`);
    const { state, leader, term } = view.row(board.now());
    if (view.isBlind) throw new Error('Redis is not seen at the moment');
    if (state !== 'led') throw new Error('nobody leads this kind at the moment');
    if (asked.to === leader) throw new Error('this instance leads already');
    if (asked.to !== undefined && !view.has(asked.to)) {
      throw new Error('this instance is not there any more');
    }
    if ((await observer.request(kind, asked)) === 0) {
      throw new Error(
        'no instance of this kind takes requests: their option acceptRequests is off',
      );
    }
    return { leader: await nextLeader(view, term) };
  }

  function nextLeader(view, term) {
    return new Promise((resolve, reject) => {
      const end = (act, value) => {
        clearTimeout(timer);
        board.off('change', look);
        act(value);
      };
      const look = () => {
        const row = view.row(board.now());
        if (row.state === 'led' && row.term !== term) end(resolve, row.leader);
      };
      const late = new Error(
        `the leader was asked, and has not gone within ${patienceMs / 1000} s: it takes no requests (option acceptRequests), wants the messageSecret of its kind, or its work has not settled`,
      );
      const timer = setTimeout(() => end(reject, late), patienceMs);
      // The command may end meanwhile.
      timer.unref();
      board.on('change', look);
      look();
    });
  }
}

module.exports = { deedsOf };
