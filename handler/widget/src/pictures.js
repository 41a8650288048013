/** Pictures that come slowly: first their colours, blurred, then the picture itself, in a place kept for it. */

import { make } from "./dom.js";

const COLUMNS = 4;
const ROWS = 3;

/** A frame of the photo's shape that holds its colours and its thumbnail, and says so where there is none. */
export function framed(photo, say) {
  const image = make("img", { alt: "", decoding: "async", loading: "lazy", width: photo.width, height: photo.height });
  const missing = make("span", { class: "missing" }, say("missing"));
  image.addEventListener("load", () => image.classList.add("there"));
  image.addEventListener("error", () => image.replaceWith(missing));
  if (photo.thumbnail) image.src = photo.thumbnail;
  return make("span", { class: "frame" }, ...blurred(photo), photo.thumbnail ? image : missing);
}

/** The photo's colours, which the browser blurs as it makes 4 × 3 pixels large; nothing where they are not known. */
export function blurred({ colours }) {
  if (!colours) return [];
  const canvas = make("canvas", { width: COLUMNS, height: ROWS, "aria-hidden": "true" });
  const pixels = new ImageData(COLUMNS, ROWS);
  for (let place = 0; place < COLUMNS * ROWS; place++) {
    pixels.data.set([...colours.slice(3 * place, 3 * place + 3), 255], 4 * place);
  }
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(pixels, 0, 0);
  return [canvas];
}
