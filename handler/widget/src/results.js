/** The results: all that stands below the search box, be it photos or why there are none. */

import { Browse } from "./browse.js";
import { told } from "./client.js";
import { make, textButton } from "./dom.js";
import { Grid } from "./grid.js";
import { Lightbox } from "./lightbox.js";
import { notice, sourceOf, suggestionsOf } from "./messages.js";
import { watcher } from "./sight.js";

/**
 * @typedef {object} Reader What the reader can ask for here.
 * @property {(query: string) => void} search
 * @property {(photo: object) => void} similar More like a photo.
 * @property {() => void} leaveSimilar Back to the query.
 * @property {() => void} closest The closest photos, though they are hardly relevant.
 * @property {() => void} unfilter The same without filters.
 * @property {() => void} retry The same once more.
 * @property {(next: object, quietly?: boolean) => void} more More of the same, from there on; quietly if nobody asked.
 * @property {() => void} browse All photos, by date.
 * @property {(folder: string) => void} browseFolder All photos of a folder.
 * @property {(photo: object) => string} addressOf Where a photo can be shown again.
 * @property {(photo: object) => boolean} select A photo at large; false keeps it as it is.
 * @property {(photo: object) => void} show Told of each photo at large.
 */

// So many photos have an end that is worth a word.
const MANY = 48;

export class Results {
  #say;
  #reader;
  #status = make("p.status", { role: "status" });
  /** What stands above the photos, in this order. */
  #said = { source: [], notice: [], suggestions: [] };
  #above = make("div");
  #grid;
  #browse;
  #lightbox;
  #more = textButton({ class: "pill more" });
  #last;
  /** Goes on by itself when the end comes near. */
  #watch;
  #goOn;
  #parts;

  /**
   * @param {(name: string, values?: object) => string} say
   * @param {Reader} reader
   */
  constructor(say, reader) {
    this.#say = say;
    this.#reader = reader;
    this.#grid = new Grid(say, (index) => this.#open(index), reader.similar);
    this.#browse = new Browse(say, (index) => this.#open(index), (error) => this.stumble(error));
    this.#lightbox = new Lightbox(say, { ...reader, closed: (index) => this.focus(index) });
    this.#last = make("p.end", {}, say("end"));
    this.#watch = watcher(({ isIntersecting }) => isIntersecting && this.#goOn());
    this.#parts = [this.#above, this.#grid.element, this.#browse.element, this.#last, this.#more];
    this.elements = [this.#status, ...this.#parts, this.#lightbox.element];
    this.#offer();
  }

  /** How many photos are shown. */
  get count() {
    return this.#browse.count || this.#grid.photos.length;
  }

  set busy(yes) {
    this.#grid.element.ariaBusy = yes;
  }

  /** Move the focus to a photo, or to what can be done where there is none. */
  focus(index = 0) {
    if (this.count) (this.#browse.count ? this.#browse : this.#grid).focus(index);
    else this.#above.querySelector(".notice button")?.focus();
  }

  /** What the collection has to begin with. */
  showCollection({ photos, suggestions, total }) {
    this.#show({ photos });
    this.suggest(suggestions);
    this.#offer(photos.length ? "browse" : "");
    this.#status.textContent = "";
    if (total === 0) this.showUnpublished();
  }

  /** There is nothing to search yet. */
  showUnpublished() {
    this.#notify("unpublished", this.#say("unpublishedDetail"));
  }

  /** One photo at large, whatever else is shown. */
  showLarge(photo) {
    this.#lightbox.open(1, 0, () => photo);
  }

  /** All photos by date; `load` gets some of them, as for browse.js. */
  showAll(counts, load) {
    this.#show({});
    this.#browse.show(counts, load);
    this.#status.textContent = this.#say("count", { count: this.count });
  }

  /**
   * What was found, or that it is nothing.
   * @param {object} found
   * @param {object[]} found.photos
   * @param {"more" | "closest" | ""} found.offer What else there is: more of them, less relevant ones, or nothing.
   * @param {object} [found.next] From where there is more.
   * @param {object} [found.source] The photo that they are like.
   * @param {boolean} found.byPicture Whether it was asked with a picture.
   * @param {string} found.query What was asked, which may be `corrected`, for what was typed found nothing.
   * @param {string[]} found.filters
   */
  showFound({ photos, offer, next, source, byPicture, query, corrected, filters }) {
    const like = byPicture || source;
    this.#show({ photos, source });
    if (photos.length) {
      this.#end(offer, next);
      if (photos.every(({ perhaps }) => perhaps)) {
        this.#notify("perhapsThese", this.#say(like ? "perhapsLike" : "perhapsDetail", { query }));
      } else if (corrected) this.#notify("correctedTo", this.#say("correctedDetail", { query }));
    } else if (filters.length) {
      this.#notify("empty", this.#say("emptyFiltered"), "removeFilters", this.#reader.unfilter);
    } else {
      const detail = like ? "emptyLike" : offer ? "emptyDetail" : "emptyUnknown";
      this.#notify("empty", this.#say(detail, { query }), offer && "closestAnyway", this.#reader.closest);
    }
  }

  /** More photos after those that are shown. */
  addPhotos({ photos, offer, next }) {
    this.#grid.add(photos);
    this.#end(offer, next);
  }

  /** @param {{kind: string, detail: string}} error As client.js throws it. */
  showFailure(error) {
    this.#show({});
    this.#notify(error.kind === "offline" ? "offline" : "failed", told(error, this.#say), "retry", this.#reader.retry);
  }

  /** There are no more photos for now; what is shown stays, unless it is of a collection that is no more. */
  stumble(error) {
    if (error.kind === "bundle-changed") this.showFailure(error);
    else if (error.kind) this.#status.textContent = told(error, this.#say);
    else if (error.name !== "AbortError") throw error;
  }

  /** A file can't be asked with; what is shown stays. */
  refuseFile(name) {
    this.#notify("notPicture", this.#say("notPictureDetail", { name }));
  }

  /** Suggest queries that find something. */
  suggest(queries) {
    this.#tell({ suggestions: suggestionsOf(queries, this.#say, this.#reader.search) });
  }

  #show({ photos = [], source }) {
    this.#tell({ source: sourceOf(source, this.#say, this.#reader.leaveSimilar), notice: [], suggestions: [] });
    this.#grid.show(photos);
    this.#browse.clear();
    this.#offer();
    // Put in anew, so that they are other things in other places for the browser, and not things that jumped.
    this.#lightbox.element.before(...this.#parts);
    this.#lightbox.close();
  }

  #notify(name, detail, offer, act) {
    const title = this.#say(name);
    this.#status.textContent = [title, detail].join(this.#say("pause"));
    this.#tell({ notice: [notice(title, detail, offer && this.#say(offer), act)] });
  }

  #tell(said) {
    Object.assign(this.#said, said);
    this.#above.replaceChildren(...Object.values(this.#said).flat());
  }

  /** Say how many there are, and offer what there may be beyond them. */
  #end(offer, next) {
    const unsure = this.#grid.photos.filter(({ perhaps }) => perhaps).length;
    const sure = this.#say("count", { count: this.count - unsure });
    this.#status.textContent = unsure ? this.#say("countPerhaps", { sure, count: unsure }) : sure;
    this.#offer(offer, next);
    this.#last.hidden = offer === "more" || this.count <= MANY;
  }

  /** Offer what else there is; more of the same comes by itself, too. */
  #offer(offer = "", next = undefined) {
    this.#watch.disconnect();
    this.#last.hidden = true;
    this.#more.hidden = !offer;
    this.#more.textContent = offer && this.#say(offer);
    this.#more.onclick = () => this.#reader[offer](next);
    this.#goOn = () => this.#reader.more(next, true);
    if (offer === "more") this.#watch.observe(this.#more);
  }

  /** Show a photo at large, unless the page around does something else with it. */
  async #open(index) {
    const at = this.#browse.count ? (place) => this.#browse.at(place) : (place) => this.#grid.photos[place];
    const photo = await at(index);
    if (photo && this.#reader.select(photo)) this.#lightbox.open(this.count, index, at);
  }
}
