import type { Patch } from "../projection/view.ts";

export interface ServerEvent {
  readonly event: string;
  readonly data: Patch | undefined;
}

/** Reads an event stream as the browser does, until it is returned from. */
export async function* serverEvents(url: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const response = await fetch(url, { signal });
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const lines = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      const field = (name: string) =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field("data");
      yield {
        event: field("event") ?? "message",
        data: data === undefined || data === "" ? undefined : JSON.parse(data),
      };
    }
  }
}
