import { render } from "preact";
import { app } from "./app.js";
import { listen } from "./keys.js";
import "./style.css";
import { Frame } from "./views/frame.js";
import { fitMap } from "./views/map-pane.js";

const root = document.getElementById("app");
const draw = () => root && render(<Frame />, root);
// Before anything is asked: no answer comes too early to be shown.
app.subscribe(draw);
draw();
listen(fitMap);
void app.start();
