import "uplot/dist/uPlot.min.css";
import "./style/colours.css";
import "./style/page.css";
import "./style/sessions.css";
import "./style/session.css";
import "./style/sweeps.css";
import "./app.ts";
