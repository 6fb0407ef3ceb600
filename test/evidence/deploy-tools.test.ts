import { describe, expect, it } from "vitest";
import { DEPLOY_TOOLS, DEPLOY_URLS, deployTool, deployUrl } from "../../src/evidence/deploy-tools.ts";

describe("deployTool", () => {
  it.each([
    ["kubectl scale deploy/agent --replicas=0", "kubectl"],
    ["/usr/local/bin/helm rollback agent 3", "helm"],
    ["tofu apply", "terraform"],
    ["ansible-playbook stop.yml", "ansible"],
    ["git -C repo push origin main", "git push"],
    ["gh workflow run stop.yml", "gh workflow run"],
    ["gh api repos/a/b/dispatches", "gh api"],
    ["sudo -n kubectl delete pod agent", "kubectl"],
    ["env KUBECONFIG=prod kubectl get pods", "kubectl"],
    ["npx cdk deploy", "cdk"],
    ["aws ecs update-service --desired-count 0", "aws ecs"],
    ["docker service update agent", "docker deploy"],
    ["make deploy", "a deploy target"],
    ["curl -X POST https://api.github.com/repos/a/b/actions/workflows/1/dispatches", "a GitHub Actions dispatch"],
  ])("%s is %s", (command, name) => {
    expect(deployTool(command.split(" "))).toBe(name);
  });

  it.each([
    ["sh", "-c", "cd ops && kubectl scale deploy/agent --replicas=0"],
    ["bash", "-lc", "set -e; kubectl delete pod agent"],
    ["sudo", "sh", "-c", "kubectl get pods | cat"],
  ])("looks behind shells: %s %s %s %s", (...argv) => {
    expect(deployTool(argv)).toBe("kubectl");
  });

  it.each([
    "node stop.mjs",
    "curl -X POST https://stop.example.com/stop",
    "git status",
    "docker ps",
    "echo kubectl",
    "",
  ])("%s is a call", (command) => {
    expect(deployTool(command.split(" "))).toBeNull();
  });
});

describe("deployUrl", () => {
  it.each([
    ["https://api.github.com/repos/acme/agent/dispatches", "a GitHub Actions dispatch"],
    ["https://gitlab.com/api/v4/projects/7/trigger/pipeline", "a GitLab pipeline"],
    ["https://ci.example.com/job/stop-agent/build?token=x", "a Jenkins job"],
    ["https://circleci.com/api/v2/project/gh/acme/agent/pipeline", "a CircleCI pipeline"],
  ])("%s is %s", (url, name) => {
    expect(deployUrl(url)).toBe(name);
  });

  it("leaves a switch's own address alone", () => {
    expect(deployUrl("https://stop.example.com/v1/kill")).toBeNull();
  });
});

it("gives a reason for everything it lists", () => {
  expect([...DEPLOY_TOOLS, ...DEPLOY_URLS].filter(({ name, why }) => name === "" || why === "")).toEqual([]);
});
