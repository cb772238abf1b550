'use strict';

const { closingOf, maskSource } = require('./source-mask.js');

/**
 * Adds `DpopModule.forRoot` and the global guard to the source of the app module.
 *
 * @param {string} source
 * @param {{ issuer: string, audience: string, origin: string }} options
 * @returns {{ source: string, outcome: 'added' | 'there' | 'unreadable' }} the source is unchanged unless something was added
 */
function editModule(source, options) {
  const mask = maskSource(source);
  if (/\bDpopModule\b/.test(mask)) return { source, outcome: 'there' };
  const metadata = findMetadata(mask);
  if (metadata === undefined) return { source, outcome: 'unreadable' };
  const edits = [
    listEdit(source, mask, metadata, 'imports', forRootCall(options)),
    listEdit(source, mask, metadata, 'providers', '{ provide: APP_GUARD, useExisting: DpopGuard }'),
    importEdit(source, mask),
  ];
  if (edits.includes(undefined)) return { source, outcome: 'unreadable' };
  // From the end, so that the positions before an edit stay right.
  const ordered = edits.toSorted((one, other) => other.at - one.at || other.order - one.order);
  const edited = ordered.reduce(
    (text, { at, end, insert }) => text.slice(0, at) + insert + text.slice(end),
    source,
  );
  return { source: edited, outcome: 'added' };
}

/** The object of the decorator of `AppModule`, or of the only module in the file. */
function findMetadata(mask) {
  const found = [...mask.matchAll(/@Module\s*\(\s*(?=\{)/g)]
    .map(({ 0: text, index }) => ({ open: index + text.length }))
    .map(({ open }) => ({ open, close: closingOf(mask, open) }))
    .filter(({ close }) => close !== -1);
  const ofApp = found.filter(({ close }) =>
    /^\s*,?\s*\)\s*(?:@\w+[^]*?)?export\s+class\s+AppModule\b/.test(mask.slice(close + 1)),
  );
  if (ofApp.length === 1) return ofApp[0];
  return found.length === 1 ? found[0] : undefined;
}

/** Appends an item to a list of the metadata; `undefined` if the list is not written as an array. */
function listEdit(source, mask, { open, close }, name, item) {
  const order = name === 'imports' ? 0 : 1;
  const property = findProperty(mask, open, close, name);
  if (property === undefined) {
    const indent = indentAt(source, open);
    const isInline = !mask.slice(open, close).includes('\n');
    const list = formatList([item], `${indent}  `);
    const rest = mask.slice(open + 1, close).trim() === '';
    const insert = isInline
      ? `\n${indent}  ${name}: ${list},${rest ? `\n${indent}` : ''}`
      : `\n${indent}  ${name}: ${list},`;
    return { at: open + 1, end: open + 1, insert, order };
  }
  if (property === -1) return undefined;
  const start = property + (/^\s*/.exec(mask.slice(property))?.[0].length ?? 0);
  if (mask[start] !== '[') return undefined;
  const end = closingOf(mask, start);
  if (end === -1 || end > close) return undefined;
  const indent = indentAt(source, start);
  const inner = source.slice(start + 1, end);
  if (mask.slice(start + 1, end).trim() === '' && inner.trim() === '')
    return { at: start, end: end + 1, insert: formatList([item], indent), order };
  const kept = source.slice(start + 1, end).trimEnd();
  const isOneLine = !inner.includes('\n') && !item.includes('\n');
  // A comment at the end of the list has no comma after it.
  const code = mask.slice(start + 1, end).trimEnd();
  const comma = code.endsWith(',') || code === '' ? '' : ',';
  const lastCode = start + 1 + code.length;
  const head = source.slice(start, lastCode) + comma + source.slice(lastCode, start + 1 + kept.length);
  const insert = isOneLine
    ? `${head} ${item}]`
    : `${head}\n${indent}  ${indentLines(item, `${indent}  `)},\n${indent}]`;
  return { at: start, end: end + 1, insert, order };
}

/**
 * The position behind the colon of a property of the object itself, and not of an object in it; -1 if it is written in
 * another way.
 */
function findProperty(mask, open, close, name) {
  const pattern = new RegExp(`\\b${name}\\s*([:,(}]|$)`, 'y');
  let depth = 0;
  for (let at = open; at < close; at += 1) {
    if ('([{'.includes(mask[at])) depth += 1;
    if (')]}'.includes(mask[at])) depth -= 1;
    // What is spread may hold the property.
    if (depth === 1 && mask.startsWith('...', at)) return -1;
    pattern.lastIndex = at;
    const [, end] = depth === 1 && /[\s{,]/.test(mask[at - 1]) ? (pattern.exec(mask) ?? []) : [];
    if (end !== undefined) return end === ':' ? pattern.lastIndex : -1;
  }
  return undefined;
}

/** Behind the last import. */
function importEdit(source, mask) {
  const last = [
    ...source.matchAll(/^import\s+(?:[\w$*{}\s,]+?\sfrom\s+)?(['"])[^'"\n]+\1[ \t]*;?/gm),
  ].findLast(({ index }) => mask.startsWith('import', index));
  const lines = [
    ...(/\bAPP_GUARD\b/.test(mask) ? [] : [`import { APP_GUARD } from '@nestjs/core';`]),
    `import { DpopGuard, DpopModule } from 'nestjs-dpop';`,
  ];
  const at = last === undefined ? 0 : last.index + last[0].length;
  const insert = last === undefined ? `${lines.join('\n')}\n` : `\n${lines.join('\n')}`;
  return { at, end: at, insert, order: 2 };
}

function forRootCall({ issuer, audience, origin }) {
  return [
    'DpopModule.forRoot({',
    `  origin: ${quote(origin)},`,
    `  accessToken: { issuer: ${quote(issuer)}, audience: ${quote(audience)} },`,
    '})',
  ].join('\n');
}

function formatList(items, indent) {
  if (items.every((item) => !item.includes('\n'))) return `[${items.join(', ')}]`;
  const lines = items.map((item) => `${indent}  ${indentLines(item, `${indent}  `)},\n`);
  return `[\n${lines.join('')}${indent}]`;
}

const indentLines = (text, indent) => text.replace(/\n/g, `\n${indent}`);

/** The white space at the beginning of the line. */
function indentAt(source, at) {
  return /^[ \t]*/.exec(source.slice(source.lastIndexOf('\n', at) + 1))?.[0] ?? '';
}

/** A string of TypeScript, as the Nest CLI quotes it. */
function quote(value) {
  return `'${value.replace(/[\\']/g, '\\$&')}'`;
}

module.exports = { editModule, forRootCall };
