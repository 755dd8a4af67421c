'use strict';

const ESC = '\u001b[';
const ENTER = `${ESC}?1049h${ESC}?25l`;
const LEAVE = `${ESC}?25h${ESC}?1049l`;
const HOME = `${ESC}H`;
const REST_OF_LINE = `${ESC}K`;
const REST_OF_SCREEN = `${ESC}J`;

/** How often the picture is drawn at most, and at least: ages grow by themselves. */
const SHORTEST_MS = 100;
const LONGEST_MS = 1000;

/** A picture that fills the terminal, and is drawn over itself. What stood there comes back at the end. */
class Screen {
  #lines;
  #isOpen = false;
  #drawnAt = 0;
  #timer;

  /** @param lines called with `{ columns, rows }`, for the lines to show. */
  constructor(lines) {
    this.#lines = lines;
  }

  open() {
    this.#isOpen = true;
    process.stdout.write(ENTER);
    // Also where the process is ended by force.
    process.on('exit', this.close);
    process.stdout.on('resize', this.#draw);
    this.#draw();
  }

  /** Something has changed. */
  refresh() {
    this.#wait(Math.max(0, this.#drawnAt + SHORTEST_MS - Date.now()));
  }

  close = () => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearTimeout(this.#timer);
    process.stdout.off('resize', this.#draw);
    process.off('exit', this.close);
    process.stdout.write(LEAVE);
  };

  #wait(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#draw, ms).unref();
  }

  #draw = () => {
    if (!this.#isOpen) return;
    this.#drawnAt = Date.now();
    const { columns = 80, rows = 24 } = process.stdout;
    const shown = this.#lines({ columns, rows }).slice(0, rows);
    const cut = shown.map((line) => [...line].slice(0, columns).join('') + REST_OF_LINE);
    process.stdout.write(HOME + cut.join('\n') + REST_OF_SCREEN);
    this.#wait(LONGEST_MS);
  };
}

module.exports = { Screen };
