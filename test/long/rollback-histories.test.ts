import { holdHistories } from "../rollback/histories-suite.ts";

// Of the two thousand that are asked for, a third in each database.
holdHistories(700);
