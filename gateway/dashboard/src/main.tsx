import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/pages.css";
import { Root } from "./app";
import { applyTheme, currentTheme } from "./theme";

applyTheme(currentTheme());
const place = document.getElementById("app");
if (place) render(<Root />, place);
