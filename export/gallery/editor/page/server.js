/** The server: what the page asks of it, and what corrects photos there. It knows nothing of what is shown. */

const COUNT = 100;
/** So many photos at most are corrected at once. */
const MOST = 10_000;
const ANSWERS = /\/v1\/(search|similar|photos|facets)$/;

/** Asks in place of the search box's `fetch`, so that it is known what is shown, and corrections don't end it. */
export class Server {
  /** The request for a list of photos that was answered last, and the first of them. */
  #listed;
  /** Bundles that answers came from, and those that corrections have taken the place of. */
  #seen = new Set();
  #outdated = new Set();

  ask = async (address, request) => {
    const url = new URL(address);
    // What goes on from an answer of before a correction goes on from what there is now.
    if (this.#outdated.has(url.searchParams.get("bundle"))) url.searchParams.delete("bundle");
    const response = await fetch(url, { ...request, cache: "no-cache" });
    if (response.ok && ANSWERS.test(url.pathname)) await this.#note(url, request, response.clone());
    return response;
  };

  /** Whether the photos that were listed last begin with this one. */
  begins(id) {
    return this.#listed?.first === id;
  }

  /** The ids of all photos of the list that is shown, or of some places in it. */
  async ids(start = 0, end = MOST) {
    const { url, request } = this.#listed;
    const found = [];
    for (let offset = start; offset !== undefined && offset < end; ) {
      const page = new URL(url);
      page.searchParams.set("offset", offset);
      page.searchParams.set("k", Math.min(COUNT, end - offset));
      const response = await fetch(page, { ...request, signal: undefined, cache: "no-cache" });
      if (!response.ok) throw new Error((await response.json()).detail);
      const answer = await response.json();
      found.push(...photosOf(answer).map(({ id }) => id));
      offset = next(answer, offset);
    }
    return found;
  }

  /**
   * Correct photos.
   * @param {string[]} photos Their ids.
   * @param {{caption: string} | {hidden: boolean} | {add_keyword: string} | {remove_keyword: string}} change
   * @returns {Promise<string[]>} The ids of those that weren't so before.
   */
  async correct(photos, change) {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ photos, ...change });
    const { changed } = await this.#fetch("v1/corrections", { method: "POST", headers, body });
    this.#outdated = new Set([...this.#outdated, ...this.#seen]);
    this.#seen.clear();
    return changed;
  }

  /** @returns {Promise<{total: number, photos: {id: string, thumbnail_url: string}[]}>} Those that were hidden last. */
  hidden() {
    return this.#fetch("v1/hidden");
  }

  /** Note what is listed; what is no answer is said by the search box. */
  async #note(url, request, response) {
    const answer = await response.json().catch(() => undefined);
    const photos = photosOf(answer ?? {});
    if (answer?.bundle) this.#seen.add(answer.bundle);
    if (!Array.isArray(photos) || url.searchParams.get("offset") > 0) return;
    const first = photos[0] ?? answer.perhaps?.[0];
    url.searchParams.delete("bundle");
    this.#listed = { url, request, first: first?.id };
  }

  async #fetch(address, request) {
    const response = await fetch(new URL(address, document.baseURI), request).catch(() => undefined);
    const answer = await response?.json().catch(() => undefined);
    if (!response?.ok || !answer) throw new Error(answer?.detail ?? "");
    return answer;
  }
}

function photosOf({ results, photos }) {
  return results ?? photos;
}

/** Where the list goes on after an answer; a search says so, and all photos do until there are no more. */
function next({ next_offset, results, photos }, offset) {
  if (results) return next_offset ?? undefined;
  return photos.length === COUNT ? offset + COUNT : undefined;
}
