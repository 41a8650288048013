/** Elements, made without a line of markup: nothing that a collection says can become any. */

const SVG = "http://www.w3.org/2000/svg";

const LENS = "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM15.5 15.5 20 20";
const PATHS = {
  search: LENS,
  picture: "M4 5h16v14H4zM4 16l4.5-4.5 4 4 3-3 4.5 4.5M15 9h.01",
  cross: "M6 6l12 12M18 6 6 18",
  similar: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7Z",
  back: "M15 5l-7 7 7 7",
  forward: "M9 5l7 7-7 7",
  filter: "M4 7h16M7 12h10M10 17h4",
  zoom: `${LENS}M8 10.5h5M10.5 8v5`,
};

/**
 * An element ("div", or "div.head" with its class, which is its part if no other is given), attributes and children. An
 * attribute that is undefined or false is left out, a function listens to the event of its name, and `--name` is a property
 * of its styles.
 */
export function make(kind, attributes = {}, ...children) {
  const [tag, name] = kind.split(".");
  const element = document.createElement(tag);
  if (name) element.className = element.part = name;
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (name.startsWith("--")) element.style.setProperty(name, value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** A button that shows an icon and is called by a text. */
export function iconButton(name, label, attributes) {
  return make("button.round", { type: "button", "aria-label": label, title: label, ...attributes }, icon(name));
}

/** Call an element by a text, which is shown where one points at it. */
export function call(element, text) {
  element.ariaLabel = element.title = text;
}

/** A button that says what it does, with a text and perhaps an icon. */
export function textButton(attributes, ...content) {
  return make("button.pill", { type: "button", part: "button", ...attributes }, ...content);
}

/** One of the icons, of the size and colour of the text around it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.ariaHidden = "true";
  svg.append(document.createElementNS(SVG, "path"));
  svg.firstChild.setAttribute("d", PATHS[name]);
  return svg;
}

/** Do something as soon as the browser has drawn what there is now. */
export function drawn(act) {
  requestAnimationFrame(() => setTimeout(act));
}
