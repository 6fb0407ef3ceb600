import { suiteOfKills } from "../rollback/kills-suite.ts";

suiteOfKills(Number(process.env["CLAWPROOF_TEST_KILLS"] ?? 25));
