import {render} from "preact";
import "./style.css";

render(<h1>weir</h1>, document.getElementById("page")!);
