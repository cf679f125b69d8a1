// The facilities of the rules in force. Asked once for each section: rules can change while the console is open.

import { ask } from "./api.js";

export const facilities = () => ask("GET", "/facilities");
