import { holdHistories } from "./histories-suite.ts";

holdHistories(70);
