/** The layer of the parts of the rehearsal, without an engine or a machine. */
import { join } from "node:path";
import { together } from "./support/together";

together(join(__dirname, "rehearsal"));
