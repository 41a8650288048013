/** Words: where those of a query stand in what is known of a photo; cut out, marked, and said in a line. */

import { make } from "./dom.js";

// Where they may stand, apart from the caption.
const PLACES = ["text", "name", "column"];
// A place for elements in a text: the character that Unicode has for it.
const SLOT = "\uFFFC";

/**
 * @typedef {object} Words Where the query's words stand.
 * @property {"caption" | "text" | "name" | "column"} place In which of the photo's own words.
 * @property {string} text Those.
 * @property {[number, number][]} marks Start and end of each in `text`, as JavaScript counts; in order, apart.
 * @property {string | undefined} column The name of the column, if it is one.
 */

/** @returns {Words | undefined} Where the words of a result (openapi.json) stand; undefined where nothing says so. */
export function readWords({ matched, matched_in: place, marks, columns }) {
  if (typeof matched !== "string" || !matched) return undefined;
  const read = readMarks(marks, matched);
  const elsewhere = PLACES.includes(place);
  if (!elsewhere && !read.length) return undefined;
  const column = place === "column" ? nameOfColumn(columns, matched) : undefined;
  return { place: elsewhere ? place : "caption", text: matched, marks: read, column };
}

/** Marks as the interface counts them, by code points, become those of JavaScript; what can't be one is left out. */
function readMarks(marks, text) {
  if (!Array.isArray(marks) || !marks.length) return [];
  const offsets = [0];
  for (const character of text) offsets.push(offsets.at(-1) + character.length);
  const possible = marks.filter((mark) => Array.isArray(mark) && mark.every((end) => Number.isInteger(end) && end in offsets));
  const read = [];
  for (const [start, end] of possible.sort(([one], [other]) => one - other)) {
    if (start < end && offsets[start] >= (read.at(-1)?.[1] ?? 0)) read.push([offsets[start], offsets[end]]);
  }
  return read;
}

function nameOfColumn(columns, text) {
  return Object.entries(columns ?? {}).find(([, values]) => [values].flat().map(String).includes(text))?.[0];
}

/** A text as nodes, with its marked words as such. */
export function marked(text, marks) {
  const nodes = [];
  let done = 0;
  for (const [start, end] of marks) {
    nodes.push(text.slice(done, start), make("mark", {}, text.slice(start, end)));
    done = end;
  }
  return [...nodes, text.slice(done)];
}

/**
 * What is left of a long text around its first mark: so many characters before it and from it on, at whole words.
 * Example: ("a dog on the beach", [[6, 8]], 3, 8) -> { text: "… on the…", marks: [[2, 4]] }
 */
export function excerpt(text, marks, before, after) {
  const first = marks[0]?.[0] ?? 0;
  const start = first > before ? cutBefore(text, first - before, first) : 0;
  const end = text.length > first + after ? cutAfter(text, first, first + after) : text.length;
  const lead = start ? "… " : "";
  const inside = marks.filter((mark) => mark[0] < end).map((mark) => [mark[0], Math.min(mark[1], end)]);
  return {
    text: lead + text.slice(start, end).trimEnd() + (end < text.length ? "…" : ""),
    marks: inside.map((mark) => mark.map((place) => place - start + lead.length)),
  };
}

/** Where the first word begins from `start` on; in the midst of one if it reaches up to `end`. */
function cutBefore(text, start, end) {
  const space = text.slice(start - 1, end).search(/\s\S/);
  return space < 0 ? wholeCharacter(text, start) : start + space;
}

/** Where the last word ends before `end`; in the midst of one if it begins at `start`. */
function cutAfter(text, start, end) {
  const space = text.slice(start, end + 1).search(/\s\S*$/);
  return space > 0 ? start + space : wholeCharacter(text, end);
}

/** The same place, or the one after it if it would break a character that JavaScript counts as two. */
function wholeCharacter(text, place) {
  return place + (text.codePointAt(place - 1) > 0xffff ? 1 : 0);
}

/** The line that says where they stand: as a text, and as nodes with the words marked, for which it may be cut. */
export function wordsLine({ place, text, marks, column }, say, before, after) {
  const cut = excerpt(text, marks, before, after);
  const line = (words) => {
    const otherwise = say(column ? "words:column" : "words:keywords", { words, column });
    return say(`words:${place === "column" ? column : place}`, { words, otherwise });
  };
  const [where, ...rest] = line(SLOT).split(SLOT);
  return {
    said: line(cut.text),
    nodes: [make("span", { class: "where" }, where), make("bdi", {}, ...marked(cut.text, cut.marks)), rest.join("")],
  };
}
