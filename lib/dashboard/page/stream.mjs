// What the server tells, as it happens: the kinds, and everything of the one that is chosen.

const RETRY_MS = 2000;

// The server says something every second. So long a silence is a broken line, which a browser may not notice by itself.
const SILENCE_MS = 10_000;

export class Stream {
  #source;
  #retry;
  #watch;
  #onData;
  #onLink;
  #url;

  /**
   * @param {{ onData: (data: any) => void, onLink: (isUp: boolean) => void }} told `onData` gets what a message holds;
   *   `onLink` whether the server is heard.
   */
  constructor({ onData, onLink }) {
    this.#onData = onData;
    this.#onLink = onLink;
  }

  /** @param {string | null} kind the one that is told of in full */
  open(kind) {
    this.#url = kind === null ? 'events' : `events?kind=${encodeURIComponent(kind)}`;
    this.#connect();
  }

  #connect() {
    this.#source?.close();
    clearTimeout(this.#retry);
    const source = new EventSource(this.#url);
    this.#source = source;
    this.#heard();
    source.onmessage = ({ data }) => {
      this.#heard();
      this.#onData(JSON.parse(data));
      this.#onLink(true);
    };
    source.onerror = () => {
      this.#onLink(false);
      // A refusal ends the source for good; anything else it mends itself.
      if (source.readyState === EventSource.CLOSED) this.#connectLater();
    };
  }

  #heard() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      this.#onLink(false);
      this.#connectLater();
    }, SILENCE_MS);
  }

  #connectLater() {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), RETRY_MS);
  }
}
