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

/** A text as nodes, with its marked words as such. */
export function marked(text, marks) {
  const characters = [...text];
  const between = (start, end) => characters.slice(start, end).join("");
  const nodes = marks.flatMap(([start, end], index) => [
    between(marks[index - 1]?.[1] ?? 0, start),
    make("mark", {}, between(start, end)),
  ]);
  return [...nodes, between(marks.at(-1)?.[1] ?? 0)];
}

/**
 * What is left of a long text around its first mark: so many characters before it and from it on, at whole words.
 * Example: ("a dog on the beach", [[6, 8]], 3, 8) -> { text: "… on the…", marks: [[2, 4]] }
 */
export function excerpt(text, marks, before, after) {
  const characters = [...text];
  const first = marks[0]?.[0] ?? 0;
  const spaces = characters.flatMap((character, place) => (/\s/.test(character) ? [place] : []));
  const [from, to] = [first - before, first + after];
  // In the midst of a word where that is longer than what is to be shown.
  const start = from > 0 ? (spaces.find((place) => place >= from - 1 && place < first) ?? from - 1) + 1 : 0;
  const end = to < characters.length ? (spaces.findLast((place) => place > first && place <= to) ?? to) : characters.length;
  const lead = start ? "… " : "";
  const shift = ([mark, close]) => [mark - start + lead.length, Math.min(close, end) - start + lead.length];
  return {
    text: lead + characters.slice(start, end).join("") + (end < characters.length ? "…" : ""),
    marks: marks.filter(([mark]) => mark < end).map(shift),
  };
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
