/** The page's address: what is searched for stands in it, so that it can be kept, shared and gone back to. */

/**
 * @typedef {object} Wanted What the reader wants to see; both are empty at the start.
 * @property {string} query The text in the search box.
 * @property {string} similar The id of the photo whose like is wanted; it goes before the query.
 */

/** @returns {Wanted} What an address asks for. */
export function readAddress(href) {
  const parameters = new URL(href).searchParams;
  return { query: (parameters.get("q") ?? "").trim(), similar: parameters.get("similar") ?? "" };
}

/** The same address, its other parameters and all, asking for `wanted`. */
export function writeAddress(href, { query, similar }) {
  const url = new URL(href);
  for (const [name, value] of Object.entries({ q: query, similar })) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  return url.href;
}
