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

/** @returns {Wanted} What an address asks for. */
export function readAddress(href) {
  const parameters = new URL(href).searchParams;
  const order = parameters.get("order");
  return {
    query: (parameters.get("q") ?? "").trim(),
    similar: parameters.get("similar") ?? "",
    filters: parameters.getAll("filter").filter(readFilter),
    order: ORDERS.includes(order) ? order : "",
  };
}

/** The same address, its other parameters and all, asking for `wanted`. */
export function writeAddress(href, { query, similar, filters, order }) {
  const url = new URL(href);
  for (const [name, values] of Object.entries({ q: [query], similar: [similar], filter: filters, order: [order] })) {
    const [first, ...others] = values;
    if (first) url.searchParams.set(name, first);
    else url.searchParams.delete(name);
    for (const value of others) url.searchParams.append(name, value);
  }
  return url.href;
}

/** The address that shows one photo, wherever this page is. */
export function addressOfPhoto(href, id) {
  const url = new URL(writeAddress(href, { query: "", similar: "", filters: [], order: "" }));
  if (id) url.searchParams.set("photo", id);
  else url.searchParams.delete("photo");
  return url.href;
}
