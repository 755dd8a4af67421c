'use strict';

// Who may ask what: other pages in the same browser can reach a server on localhost as well.

const { createHash, timingSafeEqual } = require('node:crypto');
const { isIP } = require('node:net');

/**
 * Whether a request names this server by an address, as localhost, or by a name that was allowed. A page whose own name
 * was made to lead here (DNS rebinding) names itself, and never an address.
 *
 * @param {string | undefined} header `Host`
 * @param {Set<string>} allowed names in lower case
 */
function isAllowedHost(header, allowed) {
  const host = hostname(header);
  if (host === undefined) return false;
  return isIP(host) !== 0 || host === 'localhost' || allowed.has(host);
}

function hostname(header) {
  if (!header) return undefined;
  const [, bracketed, plain] =
    /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@]+))(?::\d{1,5})?$/i.exec(header) ?? [];
  // A name may end with a dot.
  return (bracketed ?? plain)?.toLowerCase().replace(/\.$/, '');
}

/** Whether the browser says that another page asks. One that says nothing is no browser, or an old one. */
function isFromElsewhere({ 'sec-fetch-site': site }) {
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

/** Whether a deed is asked for by this very page: a browser adds `Origin` to every POST. */
function isFromThisPage({ origin, host, ...headers }) {
  if (isFromElsewhere(headers) || !origin) return false;
  try {
    return new URL(origin).host === host?.toLowerCase();
  } catch {
    return false;
  }
}

/** Compares in a time that tells nothing, not even the length. */
function isToken(header, token) {
  const [, given] = /^Bearer (.+)$/i.exec(header ?? '') ?? [];
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

const digest = (text) => createHash('sha256').update(text).digest();

/** For every answer: nothing but this server's own files runs or is loaded, and no other page shows it within itself. */
const SAFE_HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

module.exports = { SAFE_HEADERS, isAllowedHost, isFromElsewhere, isFromThisPage, isToken };
