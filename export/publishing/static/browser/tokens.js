/** Tokens: the words of a text as they are compared, and where they stand in it; as handler/bundle/words/tokens.py. */

import { casefold } from "./texts.js";

const LONGEST_TOKEN = 64;
// Han, kana, Thai, Lao, Burmese and Khmer, with their extensions.
const UNSPACED = new RegExp(
  "^[\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u3005-\\u3007\\u3040-\\u30ff\\u31f0-\\u31ff\\u3400-\\u4dbf\\u4e00-\\u9fff" +
    "\\uf900-\\ufaff\\uff66-\\uff9f\\u{20000}-\\u{3ffff}]",
  "u",
);
const UNSEEN = /^[\p{Cf}\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/u;
const SYMBOL = /^\p{So}/u;
const MARK = /^\p{M}/u;
const LETTERS = /[\p{L}\p{M}\p{N}]/gu;
const ALPHANUMERIC = /[\p{L}\p{N}]/u;
const CASES = /(?<=[\p{L}\p{Nl}\p{No}])(?=\p{Nd})|(?<=\p{Nd})(?=[\p{L}\p{Nl}\p{No}])/gu;
// Marks of the combining classes 10 to 35 and 200 to 240, which JavaScript doesn't tell: accents and points.
const ACCENTS = new Set(
  `300-333 339-34e 350-36f 483-487 591-5bd 5bf 5c1-5c2 5c4-5c5 5c7 610-61a 64b-65f 670 6d6-6dc 6df-6e4 6e7-6e8 6ea-6ed
   730-74a 7eb-7f3 7fd 816-819 81b-823 825-827 829-82d 859-85b 898-89f 8ca-8e1 8e3-8ff 951-954 9fe f18-f19 f35 f37 f39
   f82-f83 f86-f87 fc6 108d 135d-135f 17dd 18a9 1939-193b 1a17-1a18 1a75-1a7c 1a7f 1ab0-1abd 1abf-1ace 1b6b-1b73
   1cd0-1cd2 1cd5-1ce0 1ced 1cf4 1cf8-1cf9 1dc0-1dff 20d0-20d1 20d4-20d7 20db-20dc 20e1 20e7-20e9 20ec-20f0 2cef-2cf1
   2de0-2dff 302a-302f a66f a674-a67d a69e-a69f a6f0-a6f1 a8e0-a8f1 a92b-a92d aab0 aab2-aab4 aab7-aab8 aabe-aabf aac1
   fb1e fe20-fe2f 101fd 102e0 10376-1037a 10a0d 10a0f 10a38 10a3a 10ae5-10ae6 10d24-10d27 10eab-10eac 10f46-10f50
   10f82-10f85 11100-11102 11366-1136c 11370-11374 1145e 16b30-16b36 1d165-1d166 1d16d-1d172 1d17b-1d182 1d185-1d18b
   1d1aa-1d1ad 1d242-1d244 1e000-1e006 1e008-1e018 1e01b-1e021 1e023-1e024 1e026-1e02a 1e130-1e136 1e2ae 1e2ec-1e2ef
   1e8d0-1e8d6 1e944-1e949`
    .split(/\s+/)
    .flatMap((range) => {
      const [first, last = first] = range.split("-").map((code) => parseInt(code, 16));
      return Array.from({ length: last - first + 1 }, (_, place) => first + place);
    }),
);

/** What characters are compared as, as far as they have been asked for. */
const FOLDED = new Map();

/**
 * @typedef {object} Token
 * @property {string} text A word as it is compared.
 * @property {number} start From which character it stands in its text, by code points.
 * @property {number} end Before which.
 */

/**
 * The words of a text, in their order.
 * Example: "Zoë's café, 寿司" -> "zoe", "s", "cafe", "寿", "司"
 * @returns {Token[]}
 */
export function tokens(text) {
  const found = [];
  const characters = Array.from(text);
  let start = 0;
  let word = [];
  const close = (end) => {
    const whole = Array.from(word.join("")).slice(0, LONGEST_TOKEN).join("");
    if (whole) found.push({ text: whole, start, end });
    word = [];
  };
  characters.forEach((character, place) => {
    const folded = fold(character);
    const alone = folded.trim() !== "" && isUnspaced(folded);
    if (word.length && (folded === " " || alone)) close(place);
    if (alone) found.push({ text: folded, start: place, end: place + 1 });
    else if (folded !== " ") {
      if (!word.length) start = place;
      word.push(folded);
    }
  });
  close(characters.length);
  return found;
}

/**
 * The words of a file's or folder's name, and before those of which one consists, itself.
 * Example: "HolidayBeach2019" -> "holidaybeach2019", "holiday", "beach", "2019"
 * @returns {Token[]}
 */
export function nameTokens(name) {
  const characters = Array.from(name);
  const part = (low, high) => characters.slice(low, high).join("");
  return tokens(name).flatMap((whole) => {
    const bounds = boundsOf(characters.slice(whole.start, whole.end)).map((bound) => whole.start + bound);
    if (bounds.length < 3) return [whole];
    const parts = bounds.slice(1).flatMap((high, place) => {
      const low = bounds[place];
      return tokens(part(low, high)).map(({ text, start, end }) => ({ text, start: low + start, end: low + end }));
    });
    return [whole, ...parts];
  });
}

/** Whether a token is a character of a script that is written without spaces, or a symbol, such as an emoji. */
export function isUnspaced(token) {
  return UNSPACED.test(token) || SYMBOL.test(token);
}

/** Where the parts of a word begin and end: at digits, and where capitals begin; "IMGPark2" -> 0, 3, 7, 8. */
function boundsOf(characters) {
  const places = new Set([0, characters.length]);
  const word = characters.join("");
  for (const { index } of word.matchAll(CASES)) places.add(Array.from(word.slice(0, index)).length);
  const upper = (place) => /\p{Uppercase}/u.test(characters[place] ?? "");
  const lower = (place) => /\p{Lowercase}/u.test(characters[place] ?? "");
  for (let place = 1; place < characters.length; place++) {
    if (upper(place) && (lower(place - 1) || (upper(place - 1) && lower(place + 1)))) places.add(place);
  }
  return [...places].sort((one, other) => one - other);
}

/** A character as it is compared: "" for an accent or what can't be seen, " " for what belongs to no word. */
function fold(character) {
  let folded = FOLDED.get(character);
  if (folded === undefined) FOLDED.set(character, (folded = folding(character)));
  return folded;
}

function folding(character) {
  if (UNSEEN.test(character)) return "";
  const parts = casefold(character.normalize("NFKD")).normalize("NFKD").match(LETTERS) ?? [];
  const kept = parts.filter((part) => !ACCENTS.has(part.codePointAt(0))).join("");
  if (MARK.test(character)) return kept;
  if (ALPHANUMERIC.test(kept)) return kept.normalize("NFC");
  return SYMBOL.test(character) ? character : " ";
}
