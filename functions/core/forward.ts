/** What the operator sets for the forwarder when deploying. */
export interface ForwardSettings {
  /** UTF-8 bytes that requests are filled up to. */
  readonly requestBytes: number;
}
