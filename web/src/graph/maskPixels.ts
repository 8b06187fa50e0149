/** Masks as pixels, four bytes each: what is painted is opaque here, and transparent in the picture that is saved. */

/** Painted becomes free, free becomes painted. */
export function invertMask(pixels: Uint8ClampedArray, color: readonly [number, number, number]): void {
  for (let at = 0; at < pixels.length; at += 4) {
    pixels.set(color, at);
    pixels[at + 3] = 255 - (pixels[at + 3] ?? 0);
  }
}
