/** Pictures that come slowly: first their colours, flowing into each other, then the picture itself, in a place kept for it. */

import { make } from "./dom.js";

/** A frame of the photo's shape that holds its thumbnail, and until that has come the photo's colours. */
export function framed(photo, say) {
  return make("span.frame", flowing(photo), thumbnail(photo, say, { loading: "lazy" }));
}

/** The attributes that show a photo's colours: those of its middle row across, and over them those of a column, down. */
export function flowing({ colours }) {
  if (!colours) return {};
  const flow = (way, half, ...places) => `linear-gradient(${way}${places.map((place) => `#${colours[place]}${half}`)})`;
  return { "--colours": `${flow("", "80", 1, 5, 9)},${flow("90deg,", "", 4, 5, 6, 7)}` };
}

/** The photo's thumbnail, or what says that there is none. */
export function thumbnail({ thumbnail: src, width, height }, say, attributes) {
  const missing = make("span.missing", {}, say("missing"));
  const error = ({ target }) => (target.src === src ? target.replaceWith(missing) : (target.src = src));
  return src ? image({ src, width, height, error, ...attributes }) : missing;
}

/** A picture that shows once it has come. */
export function image(attributes) {
  const load = ({ target }) => target.classList.add("there");
  return make("img", { alt: "", decoding: "async", load, ...attributes });
}
