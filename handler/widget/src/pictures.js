/** Pictures that come slowly: first their colours, blurred, then the picture itself, in a place kept for it. */

import { make } from "./dom.js";

const COLUMNS = 4;
const ROWS = 3;
const SMOOTHNESS = 8;
// A picture that is there so soon needs no colours before it.
const SLOW_MS = 50;
// A little longer than pictures take to show (styles.css).
const FADE_MS = 300;
// So few pixels are not worth the way to a graphics card.
const ON_PROCESSOR = { willReadFrequently: true };
/** Where the colours are put before they are made larger; made when first needed. */
let palette;

/** A frame of the photo's shape that holds its thumbnail, or else the photo's colours if that takes a while. */
export function framed(photo, say) {
  const picture = thumbnail(photo, say, { loading: "lazy" });
  const frame = make("span.frame", {}, picture);
  setTimeout(() => picture.matches(".there, .missing") || frame.prepend(...blurred(photo)), SLOW_MS);
  return frame;
}

/** The photo's thumbnail, or what says that there is none. */
export function thumbnail({ thumbnail: src, width, height }, say, attributes) {
  const missing = make("span.missing", {}, say("missing"));
  const error = ({ target }) => (target.src === src ? target.replaceWith(missing) : (target.src = src));
  return src ? image({ src, width, height, error, ...attributes }) : missing;
}

/** A picture that shows once it has come; the colours below it go then, for a browser composes each canvas by itself. */
export function image(attributes) {
  const load = ({ target }) => {
    target.classList.add("there");
    setTimeout(() => target.parentNode?.querySelector("canvas")?.remove(), FADE_MS);
  };
  return make("img", { alt: "", decoding: "async", load, ...attributes });
}

/** The photo's colours, flowing into each other; nothing where they are not known, or the reader lets no page draw. */
export function blurred({ colours }) {
  if (!colours) return [];
  try {
    const pixels = new ImageData(COLUMNS, ROWS);
    pixels.data.fill(255);
    colours.forEach((value, index) => (pixels.data[index + Math.floor(index / 3)] = value));
    // In two steps: a browser that makes 4 x 3 pixels large at once leaves stripes.
    palette ??= drawn(pixels.width, pixels.height);
    palette.getContext("2d").putImageData(pixels, 0, 0);
    return [drawn(SMOOTHNESS * COLUMNS, SMOOTHNESS * ROWS, palette)];
  } catch {
    return [];
  }
}

/** A canvas of this size, with a picture if there is one, on white where it is transparent. */
export function drawn(width, height, picture) {
  const canvas = make("canvas", { width: Math.round(width), height: Math.round(height), "aria-hidden": "true" });
  const context = canvas.getContext("2d", ON_PROCESSOR);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  if (picture) context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
}
