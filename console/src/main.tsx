import { render } from "preact";
import { app } from "./app.js";
import { listen } from "./keys.js";
import "./style.css";
import { Frame } from "./views/frame.js";
import { fitMap } from "./views/map-pane.js";

const root = document.getElementById("app");
if (root) render(<Frame />, root);
listen(fitMap);
void app.start();
