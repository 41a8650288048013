/** The bar below the search box: the filters as chips that can be taken off, and the order; and the sheet to choose from. */

import { told } from "./client.js";
import { drawn, icon, iconButton, make, textButton } from "./dom.js";
import { readFilter } from "./filters.js";

export class FilterBar {
  #say;
  #reader;
  #chips = make("div.chips", { click: (event) => this.#choose(event) });
  #order;
  #title = make("h2", { id: "filters", "aria-live": "polite" });
  #groups = make("div.groups", { click: (event) => this.#choose(event) });
  #filters = [];
  #fetching;

  /**
   * @param {(name: string, values?: object) => string} say
   * @param {object} reader
   * @param {(filter: string) => void} reader.toggle Told of a filter to be put on or taken off.
   * @param {(order: string) => void} reader.sort Told of an order.
   * @param {() => Promise<{total: number, groups: object[]}>} reader.count What there is to narrow down by.
   */
  constructor(say, reader) {
    this.#say = say;
    this.#reader = reader;
    const open = textButton({ click: () => this.#open() }, icon("filter"), say("filters"));
    const change = ({ target }) => reader.sort(target.value);
    this.#order = make("select.pill", { part: "order", "aria-label": say("order"), change });
    const shut = () => this.sheet.hidePopover();
    const close = iconButton("cross", say("close"), { click: shut });
    // Modal by its own means: of a page that is made inert the browser works out the style of everything anew.
    this.sheet = make(
      "dialog.sheet",
      {
        part: "filters",
        popover: true,
        "aria-modal": "true",
        "aria-labelledby": "filters",
        click: ({ target }) => target === this.sheet && shut(),
        focusout: ({ relatedTarget: next }) => next && next !== open && !this.sheet.contains(next) && close.focus(),
        // At once: by the time of the event "toggle" the reader may have moved the focus on.
        beforetoggle: ({ newState }) => newState === "closed" && open.focus(),
      },
      make("div.head", {}, this.#title, close),
      this.#groups,
    );
    this.element = make("div.filters", { part: "filter-bar" }, open, this.#order, this.#chips);
  }

  /**
   * @param {object} wanted What is shown or asked for.
   * @param {Record<string, string>} orders Which orders there are for it, and the names of their texts, the usual one
   *   first; none if it can't be narrowed down.
   */
  show({ filters, order }, orders) {
    this.#filters = filters;
    const names = Object.entries(orders);
    this.element.toggleAttribute("data-idle", !names.length);
    this.#order.replaceChildren(...names.map(([value, name]) => make("option", { value }, this.#say(name))));
    if (order in orders) this.#order.value = order;
    this.#chips.replaceChildren(
      ...filters.map((filter) => {
        const name = this.#name(filter);
        const attributes = { "aria-label": this.#say("removeFilter", { name }), "data-filter": filter };
        return textButton(attributes, name, icon("cross"));
      }),
    );
    if (this.#isOpen) this.#fill();
  }

  get #isOpen() {
    return this.sheet.matches(":popover-open");
  }

  #choose({ target }) {
    const filter = target.closest("[data-filter]")?.dataset.filter;
    if (!filter) return;
    this.#reader.toggle(filter);
    // A chip is gone then, and the focus with it.
    if (!this.#isOpen) this.#order.focus({ preventScroll: true });
  }

  #open() {
    this.#title.textContent = this.#say("filters");
    this.sheet.showPopover();
    drawn(() => this.#fill());
  }

  /** Fill the sheet with what there is now; of what is asked for twice, the later counts. */
  async #fill() {
    const fetching = (this.#fetching = this.#reader.count());
    const { total, groups, error } = await fetching.catch((error) => ({ groups: [], error }));
    if (fetching !== this.#fetching) return;
    const used = this.sheet.getRootNode().activeElement?.dataset.filter;
    this.#title.textContent = error ? told(error, this.#say) : this.#say("count", { count: total });
    this.#groups.replaceChildren(...groups.map((group) => this.#group(group)));
    if (!used) return;
    const again = [...this.#groups.querySelectorAll("button")].find(({ dataset }) => dataset.filter === used);
    (again ?? this.sheet.querySelector("button")).focus();
  }

  #group({ kind, values }) {
    const buttons = values.map(({ filter, count }) => {
      const attributes = { "data-filter": filter, "aria-pressed": `${this.#filters.includes(filter)}` };
      return textButton(attributes, this.#name(filter), make("span", {}, this.#say("{count}", { count })));
    });
    return make("section", {}, make("h3", {}, this.#kind(kind)), make("div", {}, ...buttons));
  }

  #kind(kind) {
    return this.#say(kind, kind.startsWith("where:") ? { otherwise: kind.slice(6) } : {});
  }

  #name(filter) {
    const [kind, value] = readFilter(filter);
    if (kind === "taken") return this.#say("{date}", { date: value });
    if (kind === "type") return value.toUpperCase();
    return kind === "where:rating" ? `${value} ★` : this.#say(filter, { otherwise: value });
  }
}
