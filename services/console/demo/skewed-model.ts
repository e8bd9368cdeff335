import { InvalidInputError } from "../../../shared/errors.ts";

/** Last bias of the shipped model: one number per quantile and step, in the model's scaled space. */
const BIAS = "head.output.bias";
const RAW_DATA_FIELD = 0x4a; // TensorProto.raw_data: field 9, length-delimited
const SHIFT = 2.6;

/**
 * A damaged copy of the shipped model: every forecast comes out too high, by about seven typical daily moves
 * (sinh 2.6). The file stays valid ONNX of the right shape, so that only the scores can tell.
 *
 * @throws {InvalidInputError} when the file is not the shipped model
 */
export function skewModel(model: Uint8Array): Uint8Array {
  const bytes = Buffer.from(model);
  // ONNX is a protobuf; a tensor's name is followed by its raw data in the files that exporters write.
  const after = bytes.indexOf(Buffer.concat([Buffer.from(BIAS), Buffer.of(RAW_DATA_FIELD)]));
  if (after < 0) throw new InvalidInputError(`the model has no tensor '${BIAS}' with raw data`);
  let at = after + BIAS.length + 1;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  for (let end = at + length; at < end; at += 4) bytes.writeFloatLE(bytes.readFloatLE(at) + SHIFT, at);
  return bytes;
}
