'use strict';

/** What a regular expression can follow; after anything else, a slash divides. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};\n])\s*$/;
const CLOSING = { '(': ')', '[': ']', '{': '}' };

/**
 * The source with a space for each character of comments, strings, templates and regular expressions, so that brackets
 * and names that are found in it are those of the code. Its length and its lines are those of the source.
 *
 * @param {string} source
 */
function maskSource(source) {
  let mask = '';
  const hide = (end) => {
    mask += source.slice(mask.length, end).replace(/[^\n]/g, ' ');
  };
  while (mask.length < source.length) {
    const at = mask.length;
    const two = source.slice(at, at + 2);
    if (two === '//') hide(endOf(source, '\n', at));
    else if (two === '/*') hide(endOf(source, '*/', at + 2) + 2);
    else if (`'"\``.includes(source[at])) hide(endOfLiteral(source, at, source[at]));
    else if (source[at] === '/' && BEFORE_REGEX.test(mask)) hide(endOfRegex(source, at));
    else mask += source[at];
  }
  return mask;
}

function endOf(source, text, from) {
  const end = source.indexOf(text, from);
  return end === -1 ? source.length : end;
}

function endOfLiteral(source, start, quote) {
  for (let at = start + 1; at < source.length; at += 1) {
    if (source[at] === '\\') at += 1;
    else if (source[at] === quote) return at + 1;
  }
  return source.length;
}

function endOfRegex(source, start) {
  let inClass = false;
  for (let at = start + 1; at < source.length; at += 1) {
    if (source[at] === '\\') at += 1;
    else if (source[at] === '[') inClass = true;
    else if (source[at] === ']') inClass = false;
    else if (source[at] === '\n' || (source[at] === '/' && !inClass)) return at + 1;
  }
  return source.length;
}

/**
 * The position of the bracket that closes the one at `open`; -1 without one.
 *
 * @param {string} mask
 * @param {number} open
 */
function closingOf(mask, open) {
  const expected = [];
  for (let at = open; at < mask.length; at += 1) {
    const closing = CLOSING[mask[at]];
    if (closing !== undefined) expected.push(closing);
    else if (')]}'.includes(mask[at]) && expected.pop() !== mask[at]) return -1;
    if (expected.length === 0) return at;
  }
  return -1;
}

module.exports = { maskSource, closingOf };
