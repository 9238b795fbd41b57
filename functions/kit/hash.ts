/** Odd numbers with about as many ones as zeros. */
const [first, second, third] = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d];

/**
 * 96 bits of the text, as six UTF-16 code units: ten times as fast as a cryptographic hash, and no protection against
 * anyone who chooses the text.
 */
export function hashOf(text: string): string {
  let [a, b, c] = [first ^ text.length, second, third];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, first);
    a = (a << 13) | (a >>> 19);
    b = Math.imul(b ^ unit, second);
    b = (b << 17) | (b >>> 15);
    c = Math.imul(c ^ unit, third);
    c = (c << 11) | (c >>> 21);
  }
  [a, b, c] = [mixed(a), mixed(b), mixed(c)];
  return String.fromCharCode(a >>> 16, a & 0xffff, b >>> 16, b & 0xffff, c >>> 16, c & 0xffff);
}

/** Every bit of the result depends on every bit. */
function mixed(value: number): number {
  let mix = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return mix ^ (mix >>> 16);
}
