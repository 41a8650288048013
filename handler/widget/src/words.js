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
 * @property {[number, number][]} marks Start and end of each in `text`, counted by code points; in order, apart.
 * @property {string | undefined} column The name of the column, if it is one.
 */

/** @returns {Words | undefined} Where the words of a result (openapi.json) stand; undefined where nothing says so. */
export function readWords({ matched, matched_in: place, marks, columns }) {
  const elsewhere = PLACES.includes(place);
  if (!matched || !(elsewhere || marks?.length)) return undefined;
  const column = place === "column" ? nameOfColumn(columns, matched) : undefined;
  return { place: elsewhere ? place : "caption", text: matched, marks: marks ?? [], column };
}

function nameOfColumn(columns, text) {
  return Object.entries(columns ?? {}).find(([, values]) => [values].flat().map(String).includes(text))?.[0];
}

/** Whether words stand somewhere that the caption doesn't show anyway. */
export function beyondCaption(words) {
  return Boolean(words) && words.place !== "caption";
}

/** A text as nodes, with its marked words as such. */
export function marked(text, marks) {
  let done = 0;
  const nodes = marks.flatMap(([start, end]) => [cut(text, done, start), make("mark", {}, cut(text, start, (done = end)))]);
  return [...nodes, cut(text, done)];
}

/**
 * What is left of a long text around its first mark: so many characters before it and from it on, at whole words.
 * Example: ("a dog on the beach", [[6, 8]], 3, 8) -> { text: "… on the…", marks: [[2, 4]] }
 */
export function excerpt(text, marks, before, after) {
  const [first] = marks[0] ?? [0];
  const lead = first > before ? "… " : "";
  // In the midst of a word where that is longer than what is to be shown.
  const head = lead ? cut(text, first - before - 1, first).replace(/^(\S*\s|.)/su, "") : cut(text, 0, first);
  const rest = cut(text, first, first + after + 1);
  const tail = [...rest].length > after ? rest.replace(/(\s\S*|.)$/su, "…") : rest;
  const shift = [...(lead + head)].length - first;
  const end = [...tail].length + first - (tail !== rest);
  const shown = ([start, stop]) => [start + shift, Math.min(stop, end) + shift];
  return { text: lead + head + tail, marks: marks.filter(([start]) => start < end).map(shown) };
}

/** The characters of a text from one place to another. */
function cut(text, start, end) {
  return [...text].slice(start, end).join("");
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
    nodes: [make("span.where", {}, where), make("bdi", {}, ...marked(cut.text, cut.marks)), rest.join("")],
  };
}
