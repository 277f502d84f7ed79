/** The layer of the program under Pulumi's mocks. */
import { join } from "node:path";
import { together } from "./support/together";

together(join(__dirname, "mocks"));
