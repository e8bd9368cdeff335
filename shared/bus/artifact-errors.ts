import { RetuneError } from "../errors.ts";

/** The store holds something else than the digest says, or not all of it. */
export class ArtifactDamagedError extends RetuneError {
  readonly disposition = "retry";
}

/** Nothing is stored under a digest. */
export class ArtifactMissingError extends RetuneError {
  readonly disposition = "terminate";
}
