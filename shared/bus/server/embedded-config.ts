export interface EmbeddedConfig {
  readonly host: string;
  readonly port: number;
  readonly serverName: string;
  readonly storeDir: string;
  readonly extra?: string; // more lines in the server's own syntax
}

/**
 * The configuration of a server that one process runs for itself.
 *
 * `max_payload` is 8 MB: eight times the default, for batches of telemetry. `max_memory_store` is small
 * because every stream of ours is on disk. `max_file_store` is given because the default, 75 % of what is
 * free at start, shrinks below what is already stored as the disk fills, and then refuses every write.
 */
export function embeddedConfig({ host, port, serverName, storeDir, extra = "" }: EmbeddedConfig): string {
  return `server_name: ${JSON.stringify(serverName)}
host: ${JSON.stringify(host)}
port: ${port}
max_payload: 8MB
jetstream {
  store_dir: ${JSON.stringify(storeDir)}
  max_memory_store: 64MB
  max_file_store: 1TB
}
${extra}
`;
}
