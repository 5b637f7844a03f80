import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { pixels } from './model.js';

export interface Digits {
  readonly count: number;
  /** 0 to 1, 64 per image. */
  readonly images: Float64Array;
  readonly labels: Uint8Array;
}

/** The data set of demo/data/README.md. */
export function readDigits(): Digits {
  // beside this file in a checkout, two folders up from dist/demo
  const places = ['./data/digits.bin', '../../demo/data/digits.bin'].map((path) => new URL(path, import.meta.url));
  const bytes = gunzipSync(readFileSync(places.find((place) => existsSync(place)) ?? places[0]!));
  const count = bytes.length / (pixels + 1);
  const images = new Float64Array(count * pixels);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    for (let p = 0; p < pixels; p++) images[i * pixels + p] = bytes[i * (pixels + 1) + p]! / 16;
    labels[i] = bytes[i * (pixels + 1) + pixels]!;
  }
  return { count, images, labels };
}
