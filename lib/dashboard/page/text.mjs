// How values read: times, lengths of time, and text that others have chosen.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * A length of time in at most two units: `712 ms`, `2.3 s`, `4 min 12 s`, `2 h 14 min`, `3 d 4 h`.
 * @param {number} ms
 */
export function duration(ms) {
  const whole = Math.max(0, Math.round(ms));
  if (whole < SECOND) return `${whole} ms`;
  // Rounded before it is compared, so that nothing reads "10.0 s" or "60 s".
  if (whole < 9950) return `${(whole / SECOND).toFixed(1)} s`;
  const seconds = Math.round(whole / SECOND) * SECOND;
  if (seconds < MINUTE) return `${seconds / SECOND} s`;
  if (seconds < HOUR) return units(seconds, MINUTE, 'min', SECOND, 's');
  if (seconds < DAY) return units(seconds, HOUR, 'h', MINUTE, 'min');
  return units(seconds, DAY, 'd', HOUR, 'h');
}

/** @param {number} ms @param {number} large @param {string} largeName @param {number} small @param {string} smallName */
function units(ms, large, largeName, small, smallName) {
  const rest = Math.floor((ms % large) / small);
  const most = `${Math.floor(ms / large)} ${largeName}`;
  return rest ? `${most} ${rest} ${smallName}` : most;
}

/**
 * How long ago, without the unrest of parts of a second.
 * @param {number} ms
 */
export function ago(ms) {
  if (ms < SECOND) return 'just now';
  return `${duration(Math.floor(ms / SECOND) * SECOND).replace('.0 s', ' s')} ago`;
}

/**
 * The same in one unit: `4 min ago`.
 * @param {number} ms
 */
export function briefly(ms) {
  return ago(ms).replace(/^(\d+ \w+) \d+ \w+ ago$/, '$1 ago');
}

/**
 * How long something lasts that goes on: whole seconds, so that it reads calmly.
 * @param {number} ms
 */
export function running(ms) {
  return duration(Math.floor(Math.max(0, ms) / SECOND) * SECOND)
    .replace('.0 s', ' s')
    .replace(/^0 ms$/, '0 s');
}

/**
 * What figures of the last hour speak of: less, where nobody has watched for so long.
 * @param {number} now
 * @param {number | null | undefined} watchedSince
 */
export function lately(now, watchedSince) {
  if (!watchedSince || now - watchedSince >= HOUR) return 'in the last hour';
  return `in ${running(now - watchedSince).replace(/ \d+ s$/, '')}`;
}

/**
 * The time of day, here; with the date where it is not today's.
 * @param {number} ms
 * @param {number} now
 */
export function clock(ms, now) {
  const date = new Date(ms);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  if (date.toDateString() === new Date(now).toDateString()) return time;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

/** @param {number} number */
function two(number) {
  return String(number).padStart(2, '0');
}

/**
 * A number with thin spaces between thousands.
 * @param {number} number
 */
export function grouped(number) {
  return String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/**
 * Messages in a second.
 * @param {number} perSecond
 */
export function rate(perSecond) {
  if (perSecond > 0 && perSecond < 9.95) return `${Number(perSecond.toFixed(1))}/s`;
  return `${grouped(perSecond)}/s`;
}

/**
 * One and many.
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export function count(number, one, many = `${one}s`) {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

// What cannot be seen, or makes a line read in another order than it stands: controls, marks of direction, spaces
// without width, surrogates without their other half.
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]|\p{Cs}|[\u{e0000}-\u{e0fff}]/gu;

/**
 * A name that somebody else has chosen, so that what is read is what is there: what cannot be seen is written out.
 * @param {string} text
 */
export function seen(text) {
  return text.replace(
    UNSEEN,
    (one) => `\\u{${/** @type {number} */ (one.codePointAt(0)).toString(16)}}`,
  );
}

/**
 * The name of a kind, which may be empty.
 * @param {string} kind
 */
export function kindName(kind) {
  return kind === '' ? '(the kind without a name)' : seen(kind);
}
