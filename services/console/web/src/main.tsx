import { render } from "preact";
import { Footer } from "./footer.tsx";
import { Forecasters } from "./forecasters.tsx";
import { Header } from "./header.tsx";
import { Log } from "./log.tsx";
import { Runs } from "./runs.tsx";
import { connect } from "./store.ts";

function Page() {
  return (
    <>
      <Header />
      <main>
        <Forecasters />
        <Runs />
        <Log />
      </main>
      <Footer />
    </>
  );
}

connect();
render(<Page />, document.getElementById("page")!);
