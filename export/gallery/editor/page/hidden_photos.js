/** The photos that are hidden: a list of them, and what shows them again. */

import { button, make } from "./elements.js";

export class HiddenPhotos {
  #say;
  #server;
  #onShow;
  #title = make("h2", { id: "editor-hidden", tabIndex: -1 });
  #list = make("ul");

  /**
   * @param {(name: string, values?: object) => string} say
   * @param {import("./server.js").Server} server
   * @param {(ids: string[]) => void} onShow Told which photos are to be shown again.
   */
  constructor(say, server, onShow) {
    this.#say = say;
    this.#server = server;
    this.#onShow = onShow;
    this.button = button(say("hiddenPhotos"), () => this.#open());
    const close = button(say("close"), () => this.element.close());
    this.element = make("dialog", { class: "editor-hidden", "aria-labelledby": "editor-hidden" });
    this.element.append(make("header", {}, this.#title, close), make("p", {}, say("hiddenWhy")), this.#list);
  }

  async #open() {
    this.#list.replaceChildren();
    this.#title.textContent = this.#say("hiddenPhotos");
    this.element.showModal();
    try {
      const { total, photos } = await this.#server.hidden();
      const values = { shown: photos.length, total, count: total };
      this.#title.textContent = this.#say(photos.length < total ? "hiddenLast" : "hiddenCount", values);
      this.#list.replaceChildren(...photos.map((photo) => this.#item(photo)));
    } catch (error) {
      this.#title.textContent = error.message || this.#say("unreachable");
    }
  }

  #item({ id, thumbnail_url }) {
    const show = button(this.#say("showAgain"), () => {
      this.element.close();
      this.#onShow([id]);
    }, { "aria-label": this.#say("showAgainOf", { id }) });
    const picture = make("img", { alt: "", src: thumbnail_url, loading: "lazy" });
    return make("li", {}, picture, make("span", { dir: "auto" }, id), show);
  }
}
