/**
 * Writes one protobuf message, field after field, in the wire format of protobuf 2 and 3. A field's order is the
 * writer's; repeated numbers are packed.
 *
 * Source: Protocol Buffers, "Encoding" (protobuf.dev/programming-guides/encoding).
 */
export class MessageWriter {
  #bytes = new Uint8Array(64);
  #length = 0;

  /** @param value an integer in ±2^53 */
  integer(field: number, value: number): this {
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }

  float(field: number, value: number): this {
    this.#varint(field * 8 + 5);
    this.#append(floatBytes([value]));
    return this;
  }

  bytes(field: number, content: Uint8Array): this {
    this.#varint(field * 8 + 2);
    this.#varint(content.length);
    this.#append(content);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, content: MessageWriter): this {
    return this.bytes(field, content.finish());
  }

  floats(field: number, values: ArrayLike<number>): this {
    return this.bytes(field, floatBytes(values));
  }

  /** @param values integers in ±2^53 */
  integers(field: number, values: ArrayLike<number>): this {
    const packed = new MessageWriter();
    for (let i = 0; i < values.length; i += 1) packed.#varint(values[i]!);
    return this.bytes(field, packed.finish());
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #varint(value: number): void {
    this.#reserve(10);
    if (value < 0) this.#negative(value);
    else {
      let rest = value;
      for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) + 128;
      this.#bytes[this.#length++] = rest;
    }
  }

  /** Two's complement in 64 bits: always ten bytes. */
  #negative(value: number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest >= 128n; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 127n) + 128;
    this.#bytes[this.#length++] = Number(rest);
  }

  #append(content: Uint8Array): void {
    this.#reserve(content.length);
    this.#bytes.set(content, this.#length);
    this.#length += content.length;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** IEEE 754 single precision, little endian. */
export function floatBytes(values: ArrayLike<number>): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  for (let i = 0; i < values.length; i += 1) view.setFloat32(i * 4, values[i]!, true);
  return new Uint8Array(view.buffer);
}

/** Signed 64-bit integers, little endian. @param values integers in ±2^53 */
export function int64Bytes(values: ArrayLike<number>): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 8));
  for (let i = 0; i < values.length; i += 1) view.setBigInt64(i * 8, BigInt(values[i]!), true);
  return new Uint8Array(view.buffer);
}
