import { suiteOfKills } from "../rollback/kills-suite.ts";

suiteOfKills(500);
