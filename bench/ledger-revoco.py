"""Records actions with revoco, one after the other, as its README does: authorize, then confirm, on its SQLite store.

Arguments: how many, and the store's path. Prints the seconds that they took.
"""

import sys
import time

from revoco import ControlPlane, Scope, crypto
from revoco.gate.policy import load_policy
from revoco.reversal import InverseRegistry, InverseSpec, Reversibility
from revoco.store import SqliteStore

count, path = int(sys.argv[1]), sys.argv[2]
spec = InverseSpec(
    tool="vendor.update",
    kind=Reversibility.REVERSIBLE,
    inverse_tool="vendor.update",
    arg_map=(("id", "args.id"), ("value", "snapshot.value")),
    snapshot_fields=("value",),
)
rules = [
    {"id": "reads", "effect": "allow", "actions": ["read"]},
    {"id": "undoable", "effect": "allow", "reversibility": ["reversible", "compensable"]},
]
plane = ControlPlane(
    policy=load_policy({"name": "bench", "default_effect": "deny", "rules": rules}),
    inverse_registry=InverseRegistry([spec]),
    state_reader=lambda tool, args, fields: {"value": "original"},
    store=SqliteStore(path),
)
owner_key, owner_public = crypto.generate_keypair()
bot_key, bot_public = crypto.generate_keypair()
owner = plane.register_human("Owner", owner_public)
bot = plane.register_agent("bot", bot_public)
grant = plane.issue_root_delegation(
    human_private_key=owner_key,
    human_id=owner.id,
    agent_id=bot.id,
    scope=Scope.make(tools={"vendor.update"}, actions={"write"}, max_risk=80),
    purpose="maintain vendors",
    ttl_seconds=3600,
)
began = time.perf_counter()
for number in range(count):
    verdict = plane.authorize(
        actor_private_key=bot_key,
        actor_id=bot.id,
        delegation_id=grant.id,
        tool="vendor.update",
        args={"id": f"v{number}", "value": "new"},
        action="write",
        risk=10,
        description="update",
        session_id=f"s{number}",
    )
    if not verdict.allowed:
        sys.exit(f"revoco refused: {verdict}")
    plane.confirm(verdict, result={"id": f"v{number}"})
print(time.perf_counter() - began)
