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
 * Reads a file that may be a picture; it is turned upright and made a square, as the photos were.
 * @param {File} file
 * @param {{imageSide: number, imageFit: string}} square Its side in pixels, and whether pictures are cropped or squashed.
 * @returns {Promise<AskedPicture | undefined>} Nothing where the browser can't read it.
 */
export async function readPicture(file, { imageSide, imageFit }) {
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    const seen = squareOf(bitmap, imageSide, imageFit === "crop").getContext("2d");
    const { data } = seen.getImageData(0, 0, imageSide, imageSide);
    const pixels = new Uint8Array(data.filter((_, index) => index % 4 < 3));
    return { name: file.name, pixels, chip: squareOf(bitmap, CHIP_PX, true) };
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

/** A picture on a canvas with these sides, cropped or squashed, on white where it is transparent. */
function squareOf(picture, side, cropped) {
  const canvas = make("canvas", { width: side, height: side });
  const context = canvas.getContext("2d", ON_PROCESSOR);
  const scale = side / Math.min(picture.width, picture.height);
  const [width, height] = cropped ? [picture.width * scale, picture.height * scale] : [side, side];
  context.fillStyle = "#fff";
  context.fillRect(0, 0, side, side);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, (side - width) / 2, (side - height) / 2, width, height);
  return canvas;
}
