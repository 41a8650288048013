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

/** @returns {Wanted} What an address asks for. */
export function readAddress(href) {
  const parameters = new URL(href).searchParams;
  const read = (name) => parameters.get(name) ?? "";
  return {
    query: read("q").trim(),
    similar: read("similar"),
    filters: parameters.getAll("filter").filter(readFilter),
    order: ORDERS.includes(read("order")) ? read("order") : "",
  };
}

/** @returns {string} The id of the photo that an address shows at large, or "". */
export function readPhoto(href) {
  return new URL(href).searchParams.get("photo") ?? "";
}

/** The same address, its other parameters and all, asking for `wanted`, or showing a photo. */
export function writeAddress(href, { query, similar, filters, order }, photo = "") {
  const url = new URL(href);
  const written = { q: [query], similar: [similar], filter: filters, order: [order], photo: [photo] };
  for (const [name, [first, ...others]] of Object.entries(written)) {
    if (first) url.searchParams.set(name, first);
    else url.searchParams.delete(name);
    for (const value of others) url.searchParams.append(name, value);
  }
  return url.href;
}
