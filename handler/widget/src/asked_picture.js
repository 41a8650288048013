/** A picture to ask with: the browser decodes and shrinks it, so that nothing but the pixels of a small square is sent. */

import { make } from "./dom.js";

const CHIP_PX = 64;
// So few pixels are not worth the way to a graphics card.
const ON_PROCESSOR = { willReadFrequently: true };

/**
 * @typedef {object} AskedPicture
 * @property {string} name Of its file.
 * @property {Uint8Array} pixels Red, green and blue of each pixel of a square, row by row.
 * @property {HTMLCanvasElement} chip What shows it.
 */

/**
 * Reads a file that may be a picture; it is turned upright and squashed to a square, as the photos were.
 * @param {File} file
 * @param {number} side Of the square, in pixels.
 * @returns {Promise<AskedPicture | undefined>} Nothing where the browser can't read it.
 */
export async function readPicture(file, side) {
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    const { data } = drawn(side, side, bitmap).getContext("2d").getImageData(0, 0, side, side);
    const pixels = new Uint8Array(data.filter((_, index) => index % 4 < 3));
    const scale = CHIP_PX / Math.min(bitmap.width, bitmap.height);
    return { name: file.name, pixels, chip: drawn(bitmap.width * scale, bitmap.height * scale, bitmap) };
  } catch {
    return undefined; // no picture, or too large for a canvas
  }
}

/**
 * Takes pictures that are dropped on an element or pasted into it.
 * @param {HTMLElement} element It has the attribute `data-dropping` while one is held over it.
 * @param {{takes: () => boolean, ask: (file: File) => void}} reader Whether they may be asked with now, and what then.
 * @param {AbortSignal} signal Ends that.
 */
export function takePictures(element, { takes, ask }, signal) {
  const take = (event) => {
    const { types, files } = event.dataTransfer ?? event.clipboardData;
    const taken = takes() && types.includes("Files");
    // Were it the page's, too, that would take it for something of its own.
    if (taken) {
      event.preventDefault();
      event.stopPropagation();
    }
    element.toggleAttribute("data-dropping", taken && event.type === "dragover");
    if (taken && files[0] && ["drop", "paste"].includes(event.type)) ask(files[0]);
  };
  for (const type of ["dragenter", "dragover", "dragleave", "drop", "paste"]) element.addEventListener(type, take, { signal });
}

/** A picture on a canvas of this size, on white where it is transparent. */
function drawn(width, height, picture) {
  const canvas = make("canvas", { width: Math.round(width), height: Math.round(height), "aria-hidden": "true" });
  const context = canvas.getContext("2d", ON_PROCESSOR);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
}
