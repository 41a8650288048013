/** Filters: which photos may be answered at all, whatever they show; as handler/search/filters.py. */

import { dayOf } from "./chronology.js";
import { oneOf, Refusal } from "./parameters.js";
import { casefold, normalise } from "./texts.js";

const ORIENTATIONS = ["landscape", "portrait", "square"];
const TYPES = ["avif", "bmp", "gif", "heic", "jp2", "jpeg", "jxl", "png", "raw", "tiff", "webp"];
const DATE = /^\d{4}(-\d{2}){0,2}$/;
const NUMBER = /^-?\d{1,300}(\.\d{1,300})?(e[-+]?\d{1,3})?$/i;

/**
 * What a photo must be: the values of one filter are alternatives, and different filters must all hold.
 * @param {URLSearchParams} given
 * @param {{name: string, kind: "number" | "text"}[]} columns The collection's own.
 * @returns {(photo: object) => boolean}
 */
export function filterOf(given, columns) {
  const folders = given.getAll("folder").flatMap((folder) => [folder, folder.normalize("NFC")]);
  const orientations = given.getAll("orientation").map((value) => oneOf("orientation", value, ORIENTATIONS));
  const types = given.getAll("type").map((value) => oneOf("type", value, TYPES));
  const tests = [...dateTests(given), ...columnTests(given.getAll("where"), columns)];
  if (folders.length) tests.push(({ id }) => folders.some((folder) => id.startsWith(`${folder.replace(/\/+$/, "")}/`)));
  if (orientations.length) tests.push((photo) => orientations.includes(orientationOf(photo)));
  if (types.length) tests.push(({ type }) => types.includes(type));
  return (photo) => tests.every((test) => test(photo));
}

export function orientationOf({ width, height }) {
  return width === height ? "square" : width > height ? "landscape" : "portrait";
}

/** Days are compared as they are written, years, months and days in this order. */
function dateTests(given) {
  const from = wholeDay("taken_from", given.get("taken_from"), "-01-01");
  const to = wholeDay("taken_to", given.get("taken_to"), "-12-31");
  if (from && to && from > to) {
    throw new Refusal("taken_from is after taken_to", "taken_from", "contradictory-parameters");
  }
  return [from && ((photo) => dayOf(photo) >= from), to && ((photo) => dayOf(photo) <= to)].filter(Boolean);
}

function wholeDay(name, text, rest) {
  if (text === null) return undefined;
  const whole = text + rest.slice(text.length - 4);
  const first = `${text}-01-01`.slice(0, 10);
  if (!DATE.test(text) || text < "0001" || !(new Date(`${first}T00:00Z`).toJSON()?.startsWith(first) ?? false)) {
    throw new Refusal(`${name} is '${text}' (expected a date: 2024, 2024-05 or 2024-05-06)`, name);
  }
  return whole;
}

/** One test for each column that is named. */
function columnTests(conditions, columns) {
  const values = new Map();
  for (const condition of conditions) {
    if (!condition.includes(":")) throw new Refusal(`where is '${condition}' (expected COLUMN:VALUE)`, "where");
    const [name, value] = splitOnce(condition, ":");
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return Array.from(values, ([name, said]) => {
    const column = columns.findLast((each) => each.name === name); // texts come after numbers
    if (!column) {
      const known = columns.map((each) => each.name).sort().join(", ") || "none, for this collection has no columns";
      throw new Refusal(`Unknown column '${name}' (expected ${known})`, "where", "unknown-column");
    }
    return column.kind === "text" ? textTest(name, said) : numberTest(name, said);
  });
}

const folded = (value) => casefold(normalise(String(value)));

function textTest(name, values) {
  const wanted = new Set(values.map(folded));
  return ({ columns }) => [columns[name] ?? []].flat().some((value) => wanted.has(folded(value)));
}

function numberTest(name, values) {
  const ranges = values.map((value) => rangeOf(name, value));
  return ({ columns }) =>
    typeof columns[name] === "number" && ranges.some(([low, high]) => columns[name] >= low && columns[name] <= high);
}

/** The ends of a range of numbers; "3..5" -> [3, 5]; "3.." -> [3, Infinity]; "4" -> [4, 4]. */
function rangeOf(name, value) {
  const [low, high = low] = value.includes("..") ? splitOnce(value, "..") : [value];
  const given = [low, high].filter(Boolean);
  if (!given.length || !given.every((end) => NUMBER.test(end))) {
    throw new Refusal(`${name} is '${value}' (expected a number, or a range such as 3..5, 3.. or ..5)`, "where");
  }
  const ends = [low === "" ? -Infinity : Number(low), high === "" ? Infinity : Number(high)];
  if (ends[0] > ends[1]) {
    throw new Refusal(`${name} is '${value}', a range that ends before it begins`, "where", "contradictory-parameters");
  }
  return ends;
}

function splitOnce(text, separator) {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + separator.length)];
}
