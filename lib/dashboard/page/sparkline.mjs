// The messages of the last minutes as a small curve.

import { drawn, setAttribute, setText } from './dom.mjs';
import { rate } from './text.mjs';

const SECONDS = 120;
const [WIDTH, HEIGHT] = [120, 22];

/** @param {any} svg @param {any} title @param {{ rates: number[], ratesUntil: number }} pulse @param {number} now */
export function drawSparkline(svg, title, { rates, ratesUntil }, now) {
  setAttribute(svg, 'viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  setAttribute(svg, 'preserveAspectRatio', 'none');
  // A kind that is quiet tells nothing: its curve goes on at zero.
  const quiet = Math.min(SECONDS, Math.max(0, Math.floor((now - ratesUntil) / 1000) - 1));
  const values = [...rates, ...Array(rates.length ? quiet : 0).fill(0)].slice(-SECONDS);
  const most = Math.max(...values, 0);
  setText(
    title,
    most > 0
      ? `At most ${rate(most)} in the last two minutes`
      : 'No messages in the last two minutes',
  );
  const y = (value) => HEIGHT - 1.5 - (most > 0 ? (value / most) * (HEIGHT - 4) : 0);
  const x = (index) => WIDTH - ((values.length - 1 - index) / (SECONDS - 1)) * WIDTH;
  const points = values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`);
  const line = drawn('polyline', { points: points.join(' ') });
  const base = drawn('line', { class: 'base', x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1 });
  for (const child of [...svg.children]) if (child !== title) child.remove();
  svg.append(base, ...(most > 0 ? [line] : []));
}
