/** Pictures that come slowly: first their colours, blurred, then the picture itself, in a place kept for it. */

import { make } from "./dom.js";

const COLUMNS = 4;
const ROWS = 3;
const SMOOTHNESS = 8;
// So few pixels are not worth the way to a graphics card.
const ON_PROCESSOR = { willReadFrequently: true };
/** Where the colours are put before they are made larger; made when first needed. */
let palette;

/** A frame of the photo's shape that holds its colours and its thumbnail, and says so where there is none. */
export function framed(photo, say) {
  const image = make("img", { alt: "", decoding: "async", loading: "lazy", width: photo.width, height: photo.height });
  const missing = make("span", { class: "missing" }, say("missing"));
  image.addEventListener("load", () => image.classList.add("there"));
  image.addEventListener("error", () => image.replaceWith(missing));
  if (photo.thumbnail) image.src = photo.thumbnail;
  return make("span", { class: "frame" }, ...blurred(photo), photo.thumbnail ? image : missing);
}

/** The photo's colours, flowing into each other; nothing where they are not known. */
export function blurred({ colours }) {
  if (!colours) return [];
  const pixels = new ImageData(COLUMNS, ROWS);
  for (let place = 0; place < COLUMNS * ROWS; place++) {
    pixels.data.set([...colours.slice(3 * place, 3 * place + 3), 255], 4 * place);
  }
  // In two steps: a browser that makes 4 x 3 pixels large at once leaves stripes.
  palette ??= make("canvas", { width: COLUMNS, height: ROWS }).getContext("2d", ON_PROCESSOR);
  palette.putImageData(pixels, 0, 0);
  const [width, height] = [SMOOTHNESS * COLUMNS, SMOOTHNESS * ROWS];
  const canvas = make("canvas", { width, height, "aria-hidden": "true" });
  const context = canvas.getContext("2d", ON_PROCESSOR);
  context.imageSmoothingQuality = "high";
  context.drawImage(palette.canvas, 0, 0, width, height);
  return [canvas];
}
