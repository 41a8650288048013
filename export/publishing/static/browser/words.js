/** The words of all photos: where they stand, and in which of their texts; as handler/bundle/words, without SQLite. */

import { nameTokens, tokens } from "./tokens.js";

/** What a person wrote, what else the owner says, names of file and folders, text in the photo, and a captioner. */
export const FIELDS = ["edited", "column", "name", "text", "caption"];
export const SAID = FIELDS.indexOf("caption");
const FIELD_BITS = 3;
/** What precedes each term of a captioner's. */
const SAID_MARK = "\u00a6";
/** A term between texts that do not follow each other. */
const BETWEEN = "\u00a7";

/** The terms under which tokens stand in a field. */
export function asTerms(phrase, field) {
  return field === "caption" ? phrase.map((term) => SAID_MARK + term) : phrase;
}

/** Of a row, which is one field of one photo, the photo's number. */
export const photoOf = (row) => row >> FIELD_BITS;
/** And its place in FIELDS. */
export const fieldOf = (row) => row & ((1 << FIELD_BITS) - 1);

/**
 * All texts of a photo, those of one field in their order, each with what it says word by word.
 * @returns {{field: string, text: string, tokens: import("./tokens.js").Token[]}[]}
 */
export function fieldTexts(photo) {
  const said = new Map();
  for (const { text, edited } of photo.captions) {
    if (text && !said.has(text)) said.set(text, edited ? "edited" : "caption");
  }
  const values = Object.values(photo.columns).flat().filter((value) => typeof value === "string");
  const texts = [
    ...Array.from(said, ([text, field]) => ({ field, text })),
    ...values.map((text) => ({ field: "column", text })),
    { field: "name", text: nameOf(photo.id) },
    ...photo.text.map((text) => ({ field: "text", text })),
  ];
  return texts.map(({ field, text }) => ({ field, text, tokens: field === "name" ? nameTokens(text) : tokens(text) }));
}

/** The names of a photo's folders and its own, without its ending; "dogs/rex.jpg" -> "dogs/rex". */
function nameOf(id) {
  const dot = id.lastIndexOf(".");
  const stem = id.slice(0, dot);
  return dot > 0 && !id.slice(dot).includes("/") && !stem.endsWith("/") ? stem : id;
}

export class Words {
  /** The terms of each row. */
  #terms = new Map();
  /** The rows in which each term stands, rising. */
  #rows = new Map();

  constructor(photos) {
    photos.forEach((photo, number) => this.#add(photo, number));
  }

  /**
   * The rows in which a phrase stands, rising; undefined where these are more than `most`, so that it tells nothing.
   * @param {string[]} phrase Terms that follow each other.
   * @returns {number[] | undefined}
   */
  find(phrase, most = Infinity) {
    const rows = this.#rows.get(phrase[0]) ?? [];
    const found = phrase.length > 1 ? rows.filter((row) => follow(phrase, this.#terms.get(row))) : rows;
    return found.length > most ? undefined : found;
  }

  #add(photo, number) {
    const terms = FIELDS.map(() => []);
    for (const text of fieldTexts(photo)) {
      const ofField = terms[FIELDS.indexOf(text.field)];
      const added = asTerms(text.tokens.map((token) => token.text), text.field);
      if (added.length && ofField.length && text.field !== "text") ofField.push(BETWEEN);
      ofField.push(...added);
    }
    terms.forEach((ofField, field) => {
      const row = (number << FIELD_BITS) | field;
      if (ofField.length) this.#terms.set(row, ofField);
      for (const term of new Set(ofField)) {
        if (this.#rows.has(term)) this.#rows.get(term).push(row);
        else this.#rows.set(term, [row]);
      }
    });
  }
}

function follow(phrase, terms) {
  return terms.some((_, place) => phrase.every((term, next) => terms[place + next] === term));
}
