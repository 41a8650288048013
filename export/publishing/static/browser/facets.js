/**
 * Facets: of some photos, how many there are of each month, folder and value; as handler/search/overview/facets.py, but
 * for collections of more than 1,024 values, of which the function leaves rare ones out.
 */

import { dayOf } from "./chronology.js";
import { orientationOf } from "./filters.js";
import { casefold, normalise } from "./texts.js";

const SHOWN_VALUES = 20;
const MOST_FOLDERS = 1_000;
const MAX_VALUE_LENGTH = 1_024;
/** A column is counted if one photo in so many at least shares its value with another. */
const SHARED_BY = 4;

/**
 * Count some photos by what they can be filtered by.
 * @param {object[]} counted
 * @param {object[]} photos All photos.
 * @param {{name: string, kind: "number" | "text"}[]} columns The collection's own.
 * @param {string[]} asked The folders in which they lie.
 */
export function countsOf(counted, photos, columns, asked) {
  const dated = counted.filter(dayOf);
  const months = tally(dated, (photo) => [dayOf(photo).slice(0, 7)]);
  const texts = new Set(columns.filter(({ kind }) => kind === "text").map(({ name }) => name));
  const names = [...new Set(columns.map(({ name }) => name))].filter((name) => !name.includes(":")).sort(compare);
  const ofColumns = names.map((name) => columnCounts(name, texts.has(name), counted, photos));
  return {
    total: counted.length,
    months: [...months].sort().reverse().map(([month, count]) => ({ month, count })),
    undated: counted.length - dated.length,
    folders: folderCounts(counted, asked),
    orientations: mostFrequent(tally(counted, (photo) => [orientationOf(photo)])),
    types: mostFrequent(tally(counted, ({ type }) => [type])),
    columns: ofColumns.filter((column) => column && (column.values.length || column.others)),
  };
}

/** By the folders directly in the one that is asked for, or, of none or several, the top ones. */
function folderCounts(counted, asked) {
  const forms = asked.length === 1 ? [asked[0], asked[0].normalize("NFC")].map((each) => each.replace(/\/+$/, "")) : [];
  const starts = asked.length === 1 ? [...new Set(forms)].filter(Boolean).map((folder) => `${folder}/`) : [""];
  const counts = tally(counted, ({ id }) =>
    starts
      .filter((start) => id.startsWith(start) && id.includes("/", start.length))
      .map((start) => id.slice(0, id.indexOf("/", start.length)))
      .filter((folder) => Array.from(folder).length <= MAX_VALUE_LENGTH),
  );
  const largest = mostFrequent(counts).slice(0, MOST_FOLDERS);
  const byName = largest.sort((one, other) => compare(one.value, other.value));
  return byName.map(({ value: folder, count }) => ({ folder, count }));
}

/** By the values of a column, of texts or of numbers; undefined where they tell which photo it is, as titles do. */
function columnCounts(name, isText, counted, photos) {
  const having = ({ columns }) => (isText ? name in columns : typeof columns[name] === "number");
  const canBeAsked = (text) => Array.from(`${name}:${text}`).length <= MAX_VALUE_LENGTH;
  const written = ({ columns }) => [columns[name] ?? []].flat().map(String).filter(canBeAsked);
  const shown = new Map();
  const valuesOf = (photo) => {
    if (!isText) return having(photo) ? [photo.columns[name]] : [];
    const found = written(photo).map((text) => [casefold(normalise(text)), text]);
    return [...new Set(found.map(([key, text]) => shown.get(key) ?? (shown.set(key, text), text)))];
  };
  const all = tally(photos, valuesOf);
  const sharing = photos.filter((photo) => valuesOf(photo).some((value) => all.get(value) > 1)).length;
  if (photos.filter(having).length > SHARED_BY * sharing) return undefined;
  const values = mostFrequent(tally(counted, valuesOf)).slice(0, SHOWN_VALUES);
  const listed = new Set(values.map(({ value }) => value));
  const others = counted.filter((photo) => having(photo) && !valuesOf(photo).some((value) => listed.has(value)));
  return { column: name, values, others: others.length };
}

/** How many photos have each value. */
function tally(photos, valuesOf) {
  const counts = new Map();
  for (const value of photos.flatMap(valuesOf)) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** Values and their counts, the most frequent first, of equal ones in their order. */
function mostFrequent(counts) {
  const values = Array.from(counts, ([value, count]) => ({ value, count }));
  return values.sort((one, other) => other.count - one.count || compare(one.value, other.value));
}

const compare = (one, other) => (one > other) - (one < other);
