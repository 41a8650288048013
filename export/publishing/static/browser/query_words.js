/** The wording of a query: what is looked up in the photos' texts, and what it tells; as handler/search/query_words.py. */

import { isUnspaced, tokens } from "./tokens.js";

const QUOTED = /"([^"]*)"|\u201c([^\u201d]*)\u201d|\u201e([^\u201c]*)\u201c|\u00ab([^\u00bb]*)\u00bb/g;
/** So many places the words are all used about equally often. */
const USUAL = 50;
const LAST = 14_000;
const UNSPACED_WEIGHT = 0.5;

/**
 * @typedef {object} Unit A word, or two characters of a script without spaces: what is looked up as one.
 * @property {string[]} phrase Its terms, which follow each other.
 * @property {number} weight How much it tells in the language at large, above 0, 1 for a word that is hardly ever used.
 *
 * @typedef {object} Wording
 * @property {Unit[]} units What is looked up, each once.
 * @property {string[]} whole All of its terms, in order.
 * @property {string[][]} quoted The phrases in quotation marks.
 */

/**
 * @param {string} text
 * @param {(word: string) => number | undefined} rank The place of a word among those that are known, the usual first.
 * @returns {Wording}
 */
export function wordingOf(text, rank) {
  const found = tokens(text);
  const phrases = new Map(phrasesOf(found).map((phrase) => [phrase.join(" "), phrase]));
  const quoted = Array.from(text.matchAll(QUOTED), (match) => tokens(inside(match)).map((token) => token.text));
  return {
    units: Array.from(phrases.values(), (phrase) => ({ phrase, weight: weightOf(phrase, rank) })),
    whole: found.map((token) => token.text),
    quoted: quoted.filter((phrase) => phrase.length),
  };
}

/** A query without the quotation marks around its phrases. */
export function unquoted(text) {
  return text.replace(QUOTED, (...match) => inside(match.slice(0, 5)));
}

function inside(match) {
  return match.slice(1, 5).find(Boolean) ?? "";
}

/** Words, and of characters that follow each other without a space each two neighbours; "夕焼け" -> "夕焼", "焼け". */
function phrasesOf(found) {
  const phrases = [];
  let run = [];
  found.forEach((token, place) => {
    if (!isUnspaced(token.text)) return phrases.push([token.text]);
    run.push(token.text);
    const after = found[place + 1];
    if (after && isUnspaced(after.text) && after.start === token.end) return undefined;
    phrases.push(...(run.length > 1 ? run.slice(1).map((text, before) => [run[before], text]) : [run]));
    run = [];
    return undefined;
  });
  return phrases;
}

function weightOf(phrase, rank) {
  if (phrase.length > 1 || isUnspaced(phrase[0])) return UNSPACED_WEIGHT;
  const place = rank(phrase[0]);
  return place === undefined ? 1 : Math.min(1, Math.log1p((1 + place) / USUAL) / Math.log1p(LAST / USUAL));
}
