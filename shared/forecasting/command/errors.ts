import { RetuneError } from "../../errors.ts";

/** An external trainer ended without a model, or with none that can be used. Trying again would end the same way. */
export class TrainerFailedError extends RetuneError {
  readonly disposition = "terminate";
}
