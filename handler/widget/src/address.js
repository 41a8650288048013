/** The page's address: what is searched for stands in it, so that it can be kept, shared and gone back to. */

import { readFilter } from "./filters.js";

const ORDERS = ["newest", "oldest"];

/**
 * @typedef {object} Wanted What the reader wants to see; all is empty at the start.
 * @property {string} query The text in the search box.
 * @property {string} similar The id of the photo whose like is wanted; it goes before the query.
 * @property {string[]} filters What the photos are narrowed down by, as in filters.js.
 * @property {string} order "newest", "oldest", or "" for what is usual.
 */

/** What is wanted where nothing is. */
export const NOTHING = { query: "", similar: "", filters: [], order: "" };

/**
 * @param {string} href
 * @param {string} [name] By which an element has its place there, if not by none.
 * @returns {Wanted} What an address asks for.
 */
export function readAddress(href, name) {
  const parameters = new URL(href).searchParams;
  const read = (parameter) => parameters.get(called(parameter, name)) ?? "";
  return {
    query: read("q").trim(),
    similar: read("similar"),
    filters: parameters.getAll(called("filter", name)).filter(readFilter),
    order: ORDERS.includes(read("order")) ? read("order") : "",
  };
}

/** @returns {string} The id of the photo that an address shows at large, or "". */
export function readPhoto(href, name) {
  return new URL(href).searchParams.get(called("photo", name)) ?? "";
}

/** The same address, its other parameters and all, asking for `wanted`, or showing a photo. */
export function writeAddress(href, { query, similar, filters, order }, name, photo = "") {
  const url = new URL(href);
  const written = { q: [query], similar: [similar], filter: filters, order: [order], photo: [photo] };
  for (const [parameter, [first, ...others]] of Object.entries(written)) {
    const key = called(parameter, name);
    if (first) url.searchParams.set(key, first);
    else url.searchParams.delete(key);
    for (const value of others) url.searchParams.append(key, value);
  }
  return url.href;
}

/** ("q", "") -> "q"; ("q", "photos") -> "photos"; ("order", "photos") -> "photos-order" */
function called(parameter, name) {
  if (!name) return parameter;
  return parameter === "q" ? name : `${name}-${parameter}`;
}
