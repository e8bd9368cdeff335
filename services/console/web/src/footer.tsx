import { demoSeen } from "./store.ts";

/** Where the data come from, and what else this address answers. */
export function Footer() {
  return (
    <footer>
      {demoSeen.value && <span>Data: European Central Bank reference rates (Source: ECB statistics)</span>}
      <span>
        Also here: <a href="/status">/status</a> <a href="/metrics">/metrics</a> <a href="/readyz">/readyz</a>
      </span>
    </footer>
  );
}
